// printf into a string.
#ifndef DCP_TOOLS_COMMON_FORMAT_H_
#define DCP_TOOLS_COMMON_FORMAT_H_

#include <string>

namespace dcp::tools {

std::string Format(const char* format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_FORMAT_H_
