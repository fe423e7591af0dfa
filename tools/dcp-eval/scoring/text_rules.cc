#include "dcp-eval/scoring/text_rules.h"

#include <algorithm>

#include "common/text_size.h"
#include "support/utf8.h"

namespace dcp::tools {
namespace {

// The last character, or the last byte where that ends none.
Utf8Char LastCharacter(std::string_view text) {
  for (size_t length = 1; length <= std::min<size_t>(4, text.size()); ++length) {
    const Utf8Char character = ReadUtf8(text.substr(text.size() - length));
    if (character.status == Utf8Status::kValid && character.length == length) return character;
  }
  return {Utf8Status::kInvalid, 0, 1};
}

bool Within(char32_t point, char32_t first, char32_t last) { return point >= first && point <= last; }

// How far above its upper case form the lower case form of `upper` lies; 0: it is no upper case letter.
char32_t CaseStep(char32_t upper) {
  if (Within(upper, 'A', 'Z')) return 32;
  if (Within(upper, 0xC0, 0xDE) && upper != 0xD7) return 32;  // Latin-1
  const bool even_upper = (Within(upper, 0x100, 0x137) && upper != 0x130) || Within(upper, 0x14A, 0x177);
  const bool odd_upper = Within(upper, 0x139, 0x148) || Within(upper, 0x179, 0x17E);
  if (even_upper && upper % 2 == 0) return 1;
  if (odd_upper && upper % 2 == 1) return 1;
  if (Within(upper, 0x391, 0x3A9) && upper != 0x3A2) return 32;  // Greek
  if (Within(upper, 0x400, 0x40F)) return 80;                    // Cyrillic
  if (Within(upper, 0x410, 0x42F)) return 32;
  return 0;
}

char32_t ToLower(char32_t point) { return point + CaseStep(point); }

char32_t ToUpper(char32_t point) {
  for (const unsigned step : {32u, 80u, 1u}) {
    if (point >= step && CaseStep(point - step) == step) return point - step;
  }
  return point;
}

}  // namespace

std::string_view StripRight(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char last = LastCharacter(text);
    if (!IsSpace(last.code)) break;
    text.remove_suffix(last.length);
  }
  return text;
}

std::string_view Strip(std::string_view text) {
  text = StripRight(text);
  while (!text.empty()) {
    const Utf8Char first = ReadUtf8(text);
    if (!IsSpace(first.code)) break;
    text.remove_prefix(first.length);
  }
  return text;
}

std::string Capitalize(std::string_view text) {
  std::string result;
  for (bool first = true; !text.empty(); first = false) {
    const Utf8Char letter = ReadUtf8(text);
    const char32_t changed = first ? ToUpper(letter.code) : ToLower(letter.code);
    if (letter.status == Utf8Status::kValid && changed != letter.code) {
      AppendUtf8(changed, result);
    } else {
      result += text.substr(0, letter.length);
    }
    text.remove_prefix(letter.length);
  }
  return result;
}

}  // namespace dcp::tools
