#include "dcp-inspect/tokens/token_text.h"

#include <cstdint>
#include <cstdio>

#include "support/escape.h"
#include "support/utf8.h"

namespace dcp::tools {
namespace {

constexpr std::string_view kContinues = "\u22ef";  // midline dots

std::string Format(const char* format, unsigned value) {
  char text[16];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string ShowInvisible(char32_t code) {
  return code < 0x100 ? Format("\\x%02x", static_cast<unsigned>(code)) : Format("U+%04X", static_cast<unsigned>(code));
}

}  // namespace

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
      const Utf8Char character = ReadUtf8(std::string_view(all).substr(at));
      const bool valid = character.status == Utf8Status::kValid;
      const size_t length = valid ? character.length : 1;
      if (!valid) {
        text += Format("\\x%02x", static_cast<uint8_t>(all[at]));
      } else if (IsInvisible(character.code) && character.code != '\n' && character.code != '\t') {
        text += ShowInvisible(character.code);
      } else {
        text.append(all, at, length);
      }
      at += length;
    }
    shown.push_back(std::move(text));
    begin = end;
  }
  return shown;
}

std::vector<std::string> ShownTexts(const DropTrace& trace) {
  if (!trace.tokens.empty()) return ShownTexts(trace.tokens);
  std::vector<std::string> texts;
  for (const TokenId id : trace.ids) texts.push_back((texts.empty() ? "" : " ") + std::to_string(id));
  return texts;
}

}  // namespace dcp::tools
