// Version of the headers. Version() is that of the library linked in.
#ifndef DCP_VERSION_H_
#define DCP_VERSION_H_

#include <string_view>

#define DCP_VERSION_MAJOR 0
#define DCP_VERSION_MINOR 1
#define DCP_VERSION_PATCH 0

namespace dcp {

// "MAJOR.MINOR.PATCH".
std::string_view Version();

}  // namespace dcp

#endif  // DCP_VERSION_H_
