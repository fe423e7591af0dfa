#include "dcp/version.h"

#define DCP_STRING_(x) #x
#define DCP_STRING(x) DCP_STRING_(x)

namespace dcp {

std::string_view Version() {
  return DCP_STRING(DCP_VERSION_MAJOR) "." DCP_STRING(DCP_VERSION_MINOR) "." DCP_STRING(DCP_VERSION_PATCH);
}

}  // namespace dcp
