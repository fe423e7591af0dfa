#include "support/utf8.h"

#include <cstdint>

namespace dcp {
namespace {

// What a lead byte promises. The second byte's range is what keeps out overlong forms (E0, F0), surrogates (ED) and
// code points beyond U+10FFFF (F4); later bytes are always 80..BF.
struct Lead {
  size_t length;  // 0: not a lead byte
  uint8_t second_min;
  uint8_t second_max;
};

Lead ReadLead(uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

Utf8Char ReadUtf8(std::string_view text) {
  const auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return {Utf8Status::kValid, first, 1};
  const Lead lead = ReadLead(first);
  if (lead.length == 0) return {Utf8Status::kInvalid, 0, 1};
  char32_t code = first & (0x7F >> lead.length);
  for (size_t i = 1; i < lead.length; ++i) {
    if (i == text.size()) return {Utf8Status::kTruncated, 0, i};
    const auto byte = static_cast<uint8_t>(text[i]);
    const uint8_t min = i == 1 ? lead.second_min : 0x80;
    const uint8_t max = i == 1 ? lead.second_max : 0xBF;
    if (byte < min || byte > max) return {Utf8Status::kInvalid, 0, 1};
    code = (code << 6) | (byte & 0x3F);
  }
  return {Utf8Status::kValid, code, lead.length};
}

void AppendUtf8(char32_t code, std::string& text) {
  if (code < 0x80) {
    text += static_cast<char>(code);
    return;
  }
  const int continued = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;  // bytes of 6 bits after the lead byte
  const char32_t lead = continued == 1 ? 0xC0 : continued == 2 ? 0xE0 : 0xF0;
  text += static_cast<char>(lead | code >> (6 * continued));
  for (int shift = 6 * (continued - 1); shift >= 0; shift -= 6)
    text += static_cast<char>(0x80 | (code >> shift & 0x3F));
}

}  // namespace dcp
