#include "dcp-inspect/tokens/token_text.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace dcp::tools {
namespace {

constexpr std::string_view kContinues = "\u22ef";  // midline dots

std::string Format(const char* format, unsigned value) {
  char text[16];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// Characters that show nothing, or move what stands around them.
bool IsInvisible(char32_t code) {
  if (code == '\n' || code == '\t') return false;
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xAD || (code >= 0x200B && code <= 0x200F) ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF ||
         (code >= 0xFFF9 && code <= 0xFFFB);
}

std::string ShowInvisible(char32_t code) {
  return code < 0x100 ? Format("\\x%02x", static_cast<unsigned>(code)) : Format("U+%04X", static_cast<unsigned>(code));
}

}  // namespace

Character FirstCharacter(std::string_view text) {
  if (text.empty()) return {};
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (byte(0) < 0x80) return {byte(0), 1};
  const size_t length = byte(0) >= 0xF0 && byte(0) <= 0xF4 ? 4 : byte(0) >= 0xE0 ? 3 : byte(0) >= 0xC2 ? 2 : 0;
  if (length == 0 || byte(0) > 0xF4 || text.size() < length) return {};
  char32_t code = byte(0) & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3F);
  }
  // Longer than need be, surrogates, beyond Unicode.
  if ((length == 3 && code < 0x800) || (length == 4 && code < 0x10000) || (code >= 0xD800 && code <= 0xDFFF) ||
      code > 0x10FFFF) {
    return {};
  }
  return {code, length};
}

bool IsWholeText(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t length = FirstCharacter(bytes).length;
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string HexBytes(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    if (!hex.empty()) hex += ' ';
    hex += Format("%02x", static_cast<uint8_t>(c));
  }
  return hex;
}

std::vector<std::string> ShownTexts(std::span<const std::string> bytes) {
  std::string all;
  for (const std::string& token : bytes) all += token;
  std::vector<std::string> shown;
  size_t at = 0;     // first byte of `all` that is not shown yet; may lie beyond the tokens done
  size_t begin = 0;  // of the token in `all`
  for (const std::string& token : bytes) {
    const size_t end = begin + token.size();
    std::string text = at >= end && !token.empty() ? std::string(kContinues) : "";
    while (at < end) {
      const Character character = FirstCharacter(std::string_view(all).substr(at));
      if (character.length == 0) {
        text += Format("\\x%02x", static_cast<uint8_t>(all[at]));
      } else if (IsInvisible(character.code)) {
        text += ShowInvisible(character.code);
      } else {
        text.append(all, at, character.length);
      }
      at += std::max<size_t>(1, character.length);
    }
    shown.push_back(std::move(text));
    begin = end;
  }
  return shown;
}

}  // namespace dcp::tools
