// Foreign text - from files, from the command line, generated - made fit for where it is shown.
#ifndef DCP_SUPPORT_ESCAPE_H_
#define DCP_SUPPORT_ESCAPE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace dcp {

// Characters that show nothing, or move what stands around them: controls (line feed and tab included), zero-width
// ones, marks of direction.
bool IsInvisible(char32_t code);

// One line of valid UTF-8, as messages show it: a line feed becomes \n, the bytes of what else is invisible or is not
// UTF-8 \xNN, and "..." stands for what goes beyond `longest` bytes.
std::string OneLine(std::string_view text, size_t longest = 160);

// The same in double quotes, with quotes and backslashes as \xNN too.
std::string Quote(std::string_view text, size_t longest = 160);

// For the text and the attributes of HTML and SVG. Control characters, which XML forbids, become spaces.
std::string EscapeHtml(std::string_view text);

}  // namespace dcp

#endif  // DCP_SUPPORT_ESCAPE_H_
