// Reading UTF-8 that may be broken, and writing it.
#ifndef DCP_SUPPORT_UTF8_H_
#define DCP_SUPPORT_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace dcp {

enum class Utf8Status {
  kValid,
  kInvalid,    // the first byte starts no character, whatever follows
  kTruncated,  // the text ends inside what may still become a character
};

struct Utf8Char {
  Utf8Status status;
  char32_t code;  // 0 unless valid
  size_t length;  // bytes of the character; 1 when invalid; all that is left when truncated
};

// The first character of `text`. Overlong forms, surrogates and code points beyond U+10FFFF are invalid.
// REQUIRES: !text.empty()
Utf8Char ReadUtf8(std::string_view text);

// Adds a character to `text`. REQUIRES: a code point that UTF-8 can carry.
void AppendUtf8(char32_t code, std::string& text);

}  // namespace dcp

#endif  // DCP_SUPPORT_UTF8_H_
