// How byte-level tokens are shown: every token as valid text without control characters, and so that the characters
// that several tokens make together can be read.
#ifndef DCP_TOOLS_DCP_INSPECT_TOKENS_TOKEN_TEXT_H_
#define DCP_TOOLS_DCP_INSPECT_TOKENS_TOKEN_TEXT_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dcp::tools {

// [T] what to show for each token. A character that spans tokens is shown whole by the one that holds its first byte;
// a token that only continues it is "⋯". Bytes that are part of no character appear as "\xNN"; control characters, and
// those that change the direction of what follows, as their name ("\x1b", "U+202E"). Line feeds and tabs stay.
std::vector<std::string> ShownTexts(std::span<const std::string> bytes);

// Bytes in hexadecimal, "f0 9f".
std::string HexBytes(std::string_view bytes);

// True when `bytes` is valid UTF-8 by itself.
bool IsWholeText(std::string_view bytes);

// The character that `text` begins with, and its bytes; length 0 when it begins with none (or is empty).
struct Character {
  char32_t code = 0;
  size_t length = 0;
};
Character FirstCharacter(std::string_view text);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_TOKENS_TOKEN_TEXT_H_
