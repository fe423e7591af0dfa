#include "text/pretokenizer.h"

#include <cstddef>

#include "support/utf8.h"
#include "text/unicode.h"

namespace dcp {
namespace {

struct Character {
  CharClass char_class;
  size_t length;
};

Character CharacterAt(std::string_view text, size_t position) {
  const Utf8Char read = ReadUtf8(text.substr(position));
  if (read.status != Utf8Status::kValid) return {CharClass::kOther, 1};
  return {ClassOf(read.code), read.length};
}

// Length of the contraction at the start of `text`; 0 if there is none.
size_t ContractionLength(std::string_view text) {
  if (text[0] != '\'') return 0;
  for (std::string_view ending : {"s", "t", "re", "ve", "m", "ll", "d"}) {
    if (text.substr(1).starts_with(ending)) return 1 + ending.size();
  }
  return 0;
}

// End of the run of characters of one class that begins at `position`.
size_t RunEnd(std::string_view text, size_t position, CharClass char_class) {
  while (position < text.size()) {
    const Character c = CharacterAt(text, position);
    if (c.char_class != char_class) break;
    position += c.length;
  }
  return position;
}

// \s+(?!\S)|\s+ : a run of spaces, but for its last one when something follows, unless that one is all there is.
size_t SpacesLength(std::string_view text) {
  size_t end = 0;
  size_t last = 0;
  while (end < text.size()) {
    const Character c = CharacterAt(text, end);
    if (c.char_class != CharClass::kSpace) return last > 0 ? last : end;
    last = end;
    end += c.length;
  }
  return end;
}

size_t PieceLength(std::string_view text) {
  if (const size_t length = ContractionLength(text); length > 0) return length;
  // " ?" takes a plain space only, and only when a word of some class comes right after it.
  const size_t word = text[0] == ' ' && text.size() > 1 ? 1 : 0;
  const CharClass char_class = CharacterAt(text, word).char_class;
  return char_class == CharClass::kSpace ? SpacesLength(text) : RunEnd(text, word, char_class);
}

}  // namespace

std::string_view NextPiece(std::string_view text) { return text.substr(0, PieceLength(text)); }

}  // namespace dcp
