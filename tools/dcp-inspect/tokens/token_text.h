// How byte-level tokens are shown: every token as valid text without control characters, and so that the characters
// that several tokens make together can be read.
#ifndef DCP_TOOLS_DCP_INSPECT_TOKENS_TOKEN_TEXT_H_
#define DCP_TOOLS_DCP_INSPECT_TOKENS_TOKEN_TEXT_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/trace.h"

namespace dcp::tools {

// [T] what to show for each token. A character that spans tokens is shown whole by the one that holds its first byte;
// a token that only continues it is "⋯". Bytes that are part of no character appear as "\xNN"; control characters, and
// those that change the direction of what follows, as their name ("\x1b", "U+202E"). Line feeds and tabs stay.
std::vector<std::string> ShownTexts(std::span<const std::string> bytes);

// [T] the same of a trace; without a tokenizer its ids, with a space before each but the first.
std::vector<std::string> ShownTexts(const DropTrace& trace);

// Bytes in hexadecimal, "f0 9f".
std::string HexBytes(std::string_view bytes);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_TOKENS_TOKEN_TEXT_H_
