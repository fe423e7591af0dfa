#include "text/added_tokens.h"

#include <algorithm>
#include <utility>

#include "support/utf8.h"
#include "text/unicode.h"

namespace dcp {
namespace {

struct Character {
  bool valid;
  char32_t code;
  size_t length;
};

Character FirstOf(std::string_view text) {
  const Utf8Char read = ReadUtf8(text);
  const bool valid = read.status == Utf8Status::kValid;
  return {valid, read.code, valid ? read.length : 1};
}

// The character that ends where `text` ends; a byte that ends none is one of its own.
Character LastOf(std::string_view text) {
  for (size_t length = 1; length <= std::min<size_t>(4, text.size()); ++length) {
    const Character c = FirstOf(text.substr(text.size() - length));
    if (c.valid && c.length == length) return c;
  }
  return {false, 0, 1};
}

bool IsSpace(const Character& c) { return c.valid && ClassOf(c.code) == CharClass::kSpace; }
bool IsWord(const Character& c) { return c.valid && IsWordCharacter(c.code); }

// Bytes of white space that `text` begins with.
size_t SpacesAtStart(std::string_view text) {
  size_t count = 0;
  while (count < text.size()) {
    const Character c = FirstOf(text.substr(count));
    if (!IsSpace(c)) break;
    count += c.length;
  }
  return count;
}

// Where the white space begins that `text` ends with.
size_t SpacesAtEnd(std::string_view text) {
  while (!text.empty()) {
    const Character c = LastOf(text);
    if (!IsSpace(c)) break;
    text.remove_suffix(c.length);
  }
  return text.size();
}

}  // namespace

AddedTokenMatcher::Tree::Tree() { roots_.fill(-1); }

int32_t AddedTokenMatcher::Tree::Child(int32_t node, uint8_t byte) const {
  int32_t child = nodes_[static_cast<size_t>(node)].child;
  while (child >= 0 && nodes_[static_cast<size_t>(child)].byte != byte) {
    child = nodes_[static_cast<size_t>(child)].sibling;
  }
  return child;
}

void AddedTokenMatcher::Tree::Insert(std::string_view content, int32_t token) {
  const auto new_node = [this](uint8_t byte) {
    nodes_.push_back({});
    nodes_.back().byte = byte;
    return static_cast<int32_t>(nodes_.size()) - 1;
  };
  int32_t& root = roots_[static_cast<uint8_t>(content[0])];
  if (root < 0) {
    root = new_node(static_cast<uint8_t>(content[0]));
    first_bytes_.push_back(content[0]);
  }
  int32_t at = root;
  for (const char c : content.substr(1)) {
    const auto byte = static_cast<uint8_t>(c);
    int32_t next = Child(at, byte);
    if (next < 0) {
      next = new_node(byte);
      Node& parent = nodes_[static_cast<size_t>(at)];
      nodes_[static_cast<size_t>(next)].sibling = parent.child;
      parent.child = next;
    }
    at = next;
  }
  nodes_[static_cast<size_t>(at)].token = token;
}

size_t AddedTokenMatcher::Tree::NextRoot(std::string_view text, size_t from) const {
  if (first_bytes_.empty() || from >= text.size()) return text.size();
  if (first_bytes_.size() == 1) return std::min(text.find(first_bytes_[0], from), text.size());  // "<", as a rule
  while (from < text.size() && roots_[static_cast<uint8_t>(text[from])] < 0) ++from;
  return from;
}

AddedTokenMatcher::Tree::Match AddedTokenMatcher::Tree::Next(std::string_view text, size_t from) const {
  for (size_t begin = NextRoot(text, from); begin < text.size(); begin = NextRoot(text, begin + 1)) {
    int32_t node = roots_[static_cast<uint8_t>(text[begin])];
    Match longest = {begin, begin, -1};
    for (size_t end = begin + 1; node >= 0; ++end) {
      if (const int32_t token = nodes_[static_cast<size_t>(node)].token; token >= 0) longest = {begin, end, token};
      if (end == text.size()) break;
      node = Child(node, static_cast<uint8_t>(text[end]));
    }
    if (longest.token >= 0) return longest;
  }
  return {text.size(), text.size(), -1};
}

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    rounds_[tokens_[i].normalized ? 1 : 0].Insert(tokens_[i].content, static_cast<int32_t>(i));
  }
}

bool AddedTokenMatcher::MayStand(const AddedToken& token, std::string_view text, const Tree::Match& match,
                                 bool special) const {
  if (token.special && !special) return false;
  if (!token.single_word) return true;
  const bool word_before = match.begin > 0 && IsWord(LastOf(text.substr(0, match.begin)));
  const bool word_after = match.end < text.size() && IsWord(FirstOf(text.substr(match.end)));
  return !word_before && !word_after;
}

void AddedTokenMatcher::CutRound(std::string_view text, const Tree& tree, bool special,
                                 std::vector<TextSegment>* out) const {
  size_t done = 0;        // what is before was given to a segment
  size_t spaces_end = 0;  // of the last run of white space that was looked at: a run is looked at once
  for (Tree::Match match = tree.Next(text, 0); match.token >= 0; match = tree.Next(text, match.end)) {
    const AddedToken& token = tokens_[static_cast<size_t>(match.token)];
    if (!MayStand(token, text, match, special)) continue;
    size_t begin = match.begin;
    size_t end = match.end;
    if (token.lstrip) begin = begin > done ? done + SpacesAtEnd(text.substr(done, begin - done)) : done;
    if (token.rstrip) {
      if (end >= spaces_end) spaces_end = end + SpacesAtStart(text.substr(end));
      end = spaces_end;
    }
    if (done < begin) out->push_back({text.substr(done, begin - done)});
    // White space that the token before took can hold a token of its own: then both are there, the later one with what
    // is left for it (nothing, where it would take more to its left), and the text goes on after the later one.
    out->push_back({text.substr(begin, std::max(begin, end) - begin), token.id});
    done = end;
  }
  if (done != text.size()) out->push_back({text.substr(done)});
}

std::vector<TextSegment> AddedTokenMatcher::Cut(std::string_view text, bool special) const {
  std::vector<TextSegment> segments;
  if (text.empty()) return segments;
  CutRound(text, rounds_[0], special, &segments);
  std::vector<TextSegment> result;
  for (const TextSegment& segment : segments) {
    if (segment.id != kNoToken) {
      result.push_back(segment);
    } else {
      CutRound(segment.text, rounds_[1], special, &result);
    }
  }
  return result;
}

}  // namespace dcp
