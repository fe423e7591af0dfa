#include "dcp/error.h"

namespace dcp {

// Out of line, so that programs and a shared libdcp have one vtable and one type_info of it between them.
Error::~Error() = default;

}  // namespace dcp
