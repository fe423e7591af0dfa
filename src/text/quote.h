// Text from a file, made fit for an error message of one line.
#ifndef DCP_TEXT_QUOTE_H_
#define DCP_TEXT_QUOTE_H_

#include <string>
#include <string_view>

namespace dcp {

// `text` in double quotes; control characters, quotes and backslashes as \xNN, and "..." in place of what goes beyond
// some 60 bytes.
std::string Quote(std::string_view text);

}  // namespace dcp

#endif  // DCP_TEXT_QUOTE_H_
