// The character classes that GPT-2's pre-tokenizer tells apart.
#ifndef DCP_TEXT_UNICODE_H_
#define DCP_TEXT_UNICODE_H_

#include <cstdint>

namespace dcp {

enum class CharClass : uint8_t {
  kOther,
  kLetter,  // \p{L}: general categories Lu, Ll, Lt, Lm, Lo
  kNumber,  // \p{N}: Nd, Nl, No
  kSpace,   // \s: property White_Space
};

// Class of a code point by Unicode 15.0; kOther for unassigned ones and beyond U+10FFFF.
CharClass ClassOf(char32_t code);

// What \w of a regular expression matches (UTS #18, annex C), by Unicode 15.0: letters, marks, decimal digits,
// connectors such as the underscore, joiners.
bool IsWordCharacter(char32_t code);

}  // namespace dcp

#endif  // DCP_TEXT_UNICODE_H_
