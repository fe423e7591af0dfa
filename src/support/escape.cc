#include "support/escape.h"

#include <cstdint>

#include "support/utf8.h"

namespace dcp {
namespace {

std::string Escaped(std::string_view text, size_t longest, std::string_view also) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string line;
  for (size_t i = 0; i < text.size();) {
    if (i >= longest) return line + "...";
    const Utf8Char character = ReadUtf8(text.substr(i));
    const std::string_view bytes = text.substr(i, character.length);
    i += character.length;
    if (character.status == Utf8Status::kValid && !IsInvisible(character.code) && also.find(bytes) == also.npos) {
      line += bytes;
      continue;
    }
    if (bytes == "\n") {
      line += "\\n";
      continue;
    }
    for (const char c : bytes) {
      const auto byte = static_cast<uint8_t>(c);
      line += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return line;
}

}  // namespace

bool IsInvisible(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xAD || (code >= 0x200B && code <= 0x200F) ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF ||
         (code >= 0xFFF9 && code <= 0xFFFB);
}

std::string OneLine(std::string_view text, size_t longest) { return Escaped(text, longest, ""); }

std::string Quote(std::string_view text, size_t longest) { return "\"" + Escaped(text, longest, "\"\\") + "\""; }

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return escaped;
}

}  // namespace dcp
