#include "dcp-eval/scoring/text_rules.h"

#include <algorithm>
#include <cstdint>

namespace dcp::tools {
namespace {

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The code point that `bytes` (one lead byte and what continues it) stand for. All that is asked of it lies below
// U+10000, so four bytes need not be told apart from damage.
uint32_t PointOf(std::string_view bytes) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])); };
  if (bytes.size() == 2) return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
  if (bytes.size() == 3) return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
  return bytes.size() == 1 && byte(0) < 0x80 ? byte(0) : UINT32_MAX;
}

size_t FirstLength(std::string_view text) {
  size_t length = 1;
  while (length < text.size() && Continues(text[length])) ++length;
  return length;
}

size_t LastLength(std::string_view text) {
  size_t length = 1;
  while (length < text.size() && Continues(text[text.size() - length])) ++length;
  return length;
}

bool IsSpace(uint32_t point) {
  return (point >= 0x09 && point <= 0x0D) || (point >= 0x1C && point <= 0x20) || point == 0x85 || point == 0xA0 ||
         point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 ||
         point == 0x202F || point == 0x205F || point == 0x3000;
}

bool Within(uint32_t point, uint32_t first, uint32_t last) { return point >= first && point <= last; }

// How far above its upper case form the lower case form of `upper` lies; 0: it is no upper case letter.
uint32_t CaseStep(uint32_t upper) {
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

uint32_t ToLower(uint32_t point) { return point + CaseStep(point); }

uint32_t ToUpper(uint32_t point) {
  for (const uint32_t step : {32u, 80u, 1u}) {
    if (point >= step && CaseStep(point - step) == step) return point - step;
  }
  return point;
}

void AppendPoint(uint32_t point, std::string& text) {
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {  // all letters of CaseStep
    text += static_cast<char>(0xC0 | point >> 6);
    text += static_cast<char>(0x80 | (point & 0x3F));
  }
}

}  // namespace

std::string_view StripRight(std::string_view text) {
  while (!text.empty()) {
    const size_t length = LastLength(text);
    if (!IsSpace(PointOf(text.substr(text.size() - length)))) break;
    text.remove_suffix(length);
  }
  return text;
}

std::string_view Strip(std::string_view text) {
  text = StripRight(text);
  while (!text.empty() && IsSpace(PointOf(text.substr(0, FirstLength(text))))) text.remove_prefix(FirstLength(text));
  return text;
}

std::string Capitalize(std::string_view text) {
  std::string result;
  for (bool first = true; !text.empty(); first = false) {
    const std::string_view letter = text.substr(0, FirstLength(text));
    const uint32_t point = PointOf(letter);
    const uint32_t changed = first ? ToUpper(point) : ToLower(point);
    if (changed == point) {
      result += letter;
    } else {
      AppendPoint(changed, result);
    }
    text.remove_prefix(letter.size());
  }
  return result;
}

size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !Continues(c); }));
}

}  // namespace dcp::tools
