#include "tests/unit/text/naive_bpe.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "support/utf8.h"
#include "text/unicode.h"

namespace dcp::testing {
namespace {

struct Character {
  std::string bytes;
  CharClass char_class;
};
using Characters = std::vector<Character>;

Characters Split(const std::string& text) {
  Characters characters;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char read = ReadUtf8(std::string_view(text).substr(i));
    const bool valid = read.status == Utf8Status::kValid;
    const size_t length = valid ? read.length : 1;
    characters.push_back({text.substr(i, length), valid ? ClassOf(read.code) : CharClass::kOther});
    i += length;
  }
  return characters;
}

// One alternative: the number of characters it matches at `at`, 0 if it does not match.
using Alternative = std::function<size_t(const Characters&, size_t at)>;

Alternative Literal(std::string word) {
  return [word](const Characters& text, size_t at) -> size_t {
    for (size_t i = 0; i < word.size(); ++i) {
      if (at + i >= text.size() || text[at + i].bytes != word.substr(i, 1)) return 0;
    }
    return word.size();
  };
}

size_t Greedy(const Characters& text, size_t at, CharClass char_class) {
  size_t count = 0;
  while (at + count < text.size() && text[at + count].char_class == char_class) ++count;
  return count;
}

// " ?X+", trying with the space before trying without.
Alternative OptionalSpaceThen(CharClass char_class) {
  return [char_class](const Characters& text, size_t at) -> size_t {
    if (text[at].bytes == " ") {
      if (const size_t count = Greedy(text, at + 1, char_class); count > 0) return 1 + count;
    }
    return Greedy(text, at, char_class);
  };
}

// "\s+(?!\S)": gives characters back until what follows is no non-space.
size_t SpacesBeforeNoWord(const Characters& text, size_t at) {
  for (size_t count = Greedy(text, at, CharClass::kSpace); count > 0; --count) {
    const bool word_follows = at + count < text.size() && text[at + count].char_class != CharClass::kSpace;
    if (!word_follows) return count;
  }
  return 0;
}

}  // namespace

std::vector<std::string> NaivePieces(const std::string& text) {
  std::vector<Alternative> alternatives;
  for (const char* word : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) alternatives.push_back(Literal(word));
  for (CharClass c : {CharClass::kLetter, CharClass::kNumber, CharClass::kOther}) {
    alternatives.push_back(OptionalSpaceThen(c));
  }
  alternatives.push_back(SpacesBeforeNoWord);
  alternatives.push_back([](const Characters& all, size_t at) { return Greedy(all, at, CharClass::kSpace); });

  const Characters characters = Split(text);
  std::vector<std::string> pieces;
  for (size_t at = 0; at < characters.size();) {
    size_t count = 0;
    for (size_t i = 0; count == 0; ++i) count = alternatives.at(i)(characters, at);
    pieces.emplace_back();
    for (size_t end = at + count; at < end; ++at) pieces.back() += characters[at].bytes;
  }
  return pieces;
}

std::vector<std::string> NaiveMerge(const std::string& piece, const MergePairs& merges) {
  std::vector<std::string> word;
  for (char byte : piece) word.emplace_back(1, byte);
  while (true) {
    auto best = merges.end();
    for (size_t i = 0; i + 1 < word.size(); ++i) {
      best = std::min(best, std::find(merges.begin(), merges.end(), std::pair(word[i], word[i + 1])));
    }
    if (best == merges.end()) return word;
    std::vector<std::string> merged;
    for (size_t i = 0; i < word.size(); ++i) {
      const bool here = i + 1 < word.size() && word[i] == best->first && word[i + 1] == best->second;
      merged.push_back(here ? word[i] + word[i + 1] : word[i]);
      if (here) ++i;
    }
    word = merged;
  }
}

}  // namespace dcp::testing
