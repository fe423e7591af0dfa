#include "tests/unit/text/naive_added_tokens.h"

#include <algorithm>
#include <string_view>

#include "support/utf8.h"
#include "text/unicode.h"

namespace dcp::testing {
namespace {

struct Letter {
  std::string bytes;
  bool space;
  bool word;
};

std::vector<Letter> Letters(const std::string& text) {
  std::vector<Letter> letters;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char read = ReadUtf8(std::string_view(text).substr(i));
    const bool valid = read.status == Utf8Status::kValid;
    const size_t length = valid ? read.length : 1;
    letters.push_back({text.substr(i, length), valid && ClassOf(read.code) == CharClass::kSpace,
                       valid && IsWordCharacter(read.code)});
    i += length;
  }
  return letters;
}

std::string Join(const std::vector<Letter>& letters, size_t begin, size_t end) {
  std::string text;
  for (size_t i = begin; i < end; ++i) text += letters[i].bytes;
  return text;
}

// The longest of the tokens that is written at `at`, and the number of its letters; null where there is none.
const AddedToken* TokenAt(const std::vector<Letter>& letters, size_t at, const std::vector<AddedToken>& tokens,
                          size_t* length) {
  const AddedToken* longest = nullptr;
  for (const AddedToken& token : tokens) {
    const size_t count = Letters(token.content).size();
    if (at + count > letters.size() || Join(letters, at, at + count) != token.content) continue;
    if (longest != nullptr && count <= *length) continue;
    longest = &token;
    *length = count;
  }
  return longest;
}

NaiveSegments CutOnce(const std::string& text, const std::vector<AddedToken>& tokens, bool special) {
  const std::vector<Letter> letters = Letters(text);
  NaiveSegments segments;
  size_t done = 0;
  for (size_t at = 0; at < letters.size();) {
    size_t length = 0;
    const AddedToken* const token = TokenAt(letters, at, tokens, &length);
    if (token == nullptr) {
      ++at;
      continue;
    }
    size_t begin = at;
    size_t end = at + length;
    at = end;  // what begins inside the token is not looked at, even where the token is not taken
    if (token->special && !special) continue;
    const bool touched = (begin > 0 && letters[begin - 1].word) || (end < letters.size() && letters[end].word);
    if (token->single_word && touched) continue;
    while (token->lstrip && begin > 0 && letters[begin - 1].space) --begin;
    begin = token->lstrip ? std::max(begin, done) : begin;
    while (token->rstrip && end < letters.size() && letters[end].space) ++end;
    if (done < begin) segments.emplace_back(Join(letters, done, begin), -1);
    segments.emplace_back(Join(letters, begin, end), token->id);
    done = end;
  }
  if (done != letters.size()) segments.emplace_back(Join(letters, done, letters.size()), -1);
  return segments;
}

}  // namespace

NaiveSegments NaiveCut(const std::string& text, const std::vector<AddedToken>& tokens, bool special) {
  std::vector<AddedToken> rounds[2];
  for (const AddedToken& token : tokens) rounds[token.normalized ? 1 : 0].push_back(token);
  NaiveSegments segments;
  for (const auto& [first, id] : CutOnce(text, rounds[0], special)) {
    if (id >= 0) {
      segments.emplace_back(first, id);
    } else {
      const NaiveSegments inner = CutOnce(first, rounds[1], special);
      segments.insert(segments.end(), inner.begin(), inner.end());
    }
  }
  return segments;
}

}  // namespace dcp::testing
