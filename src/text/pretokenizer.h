// GPT-2's pre-tokenizer: cuts text into the pieces inside which byte pairs may be merged.
#ifndef DCP_TEXT_PRETOKENIZER_H_
#define DCP_TEXT_PRETOKENIZER_H_

#include <string_view>

namespace dcp {

// The piece at the start of `text`, as the first match of
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// The expression looks ahead but never back, so calling this again on what follows the piece gives the next one; every
// byte of the text lands in exactly one piece. A byte outside valid UTF-8 is a character of its own, matched by the
// third class ([^\s\p{L}\p{N}]).
// REQUIRES: !text.empty()
std::string_view NextPiece(std::string_view text);

}  // namespace dcp

#endif  // DCP_TEXT_PRETOKENIZER_H_
