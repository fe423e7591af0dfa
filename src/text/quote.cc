#include "text/quote.h"

#include <cstdint>
#include <cstdio>

#include "text/utf8.h"

namespace dcp {
namespace {

constexpr size_t kLongest = 60;

bool IsPlain(const Utf8Char& character) {
  if (character.status != Utf8Status::kValid) return false;
  return character.code >= 0x20 && character.code != '"' && character.code != '\\' &&
         !(character.code >= 0x7F && character.code < 0xA0) && character.code != 0x2028 && character.code != 0x2029;
}

}  // namespace

std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  for (size_t i = 0; i < text.size();) {
    if (i >= kLongest) return quoted + "...\"";
    const Utf8Char character = ReadUtf8(text.substr(i));
    if (IsPlain(character)) {
      quoted.append(text.substr(i, character.length));
    } else {
      for (char byte : text.substr(i, character.length)) {
        char escaped[8];
        std::snprintf(escaped, sizeof(escaped), "\\x%02x", static_cast<uint8_t>(byte));
        quoted.append(escaped);
      }
    }
    i += character.length;
  }
  return quoted + "\"";
}

}  // namespace dcp
