#include "common/text_size.h"

#include "support/utf8.h"

namespace dcp::tools {

TextSize& TextSize::operator+=(const TextSize& other) {
  bytes += other.bytes;
  characters += other.characters;
  words += other.words;
  return *this;
}

TextSize SizeOf(std::string_view text) {
  TextSize size{text.size(), 0, 1};
  for (bool after_space = false; !text.empty();) {
    const Utf8Char character = ReadUtf8(text);
    const bool space = character.status == Utf8Status::kValid && IsSpace(character.code);
    if (space && !after_space) ++size.words;
    after_space = space;
    if ((static_cast<unsigned char>(text[0]) & 0xC0) != 0x80) ++size.characters;
    text.remove_prefix(character.length);
  }
  return size;
}

bool IsSpace(char32_t point) {
  return (point >= 0x09 && point <= 0x0D) || (point >= 0x1C && point <= 0x20) || point == 0x85 || point == 0xA0 ||
         point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 ||
         point == 0x202F || point == 0x205F || point == 0x3000;
}

}  // namespace dcp::tools
