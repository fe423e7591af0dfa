#include "text/unicode.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace dcp {
namespace {

using enum CharClass;

struct ClassRange {
  char32_t first;
  char32_t last;
  CharClass char_class;
};

constexpr ClassRange kRanges[] = {
#include "text/unicode_ranges.inc"
};

struct WordRange {
  char32_t first;
  char32_t last;
};

constexpr WordRange kWordRanges[] = {
#include "text/word_ranges.inc"
};

constexpr char32_t kAsciiEnd = 0x80;

constexpr std::array<CharClass, kAsciiEnd> MakeAsciiTable() {
  std::array<CharClass, kAsciiEnd> table{};
  for (const ClassRange& range : kRanges) {
    for (char32_t code = range.first; code <= range.last && code < kAsciiEnd; ++code) table[code] = range.char_class;
  }
  return table;
}

constexpr std::array<CharClass, kAsciiEnd> kAsciiTable = MakeAsciiTable();

}  // namespace

CharClass ClassOf(char32_t code) {
  if (code < kAsciiEnd) return kAsciiTable[code];
  const auto* range = std::upper_bound(std::begin(kRanges), std::end(kRanges), code,
                                       [](char32_t value, const ClassRange& r) { return value < r.first; });
  --range;  // the first range begins in ASCII, so there always is one at or before `code`
  return code <= range->last ? range->char_class : kOther;
}

bool IsWordCharacter(char32_t code) {
  const auto* range = std::upper_bound(std::begin(kWordRanges), std::end(kWordRanges), code,
                                       [](char32_t value, const WordRange& r) { return value < r.first; });
  return range != std::begin(kWordRanges) && code <= (range - 1)->last;
}

}  // namespace dcp
