#include "dcp-inspect/tokens/token_class.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "support/utf8.h"

namespace dcp::tools {
namespace {

constexpr std::string_view kSpaces = " \t\n\r\f\v";

bool IsStopWord(const std::string& word) {
  static const std::unordered_set<std::string_view> kWords = {
      // articles, pronouns
      "a", "an", "the", "i", "me", "my", "mine", "myself", "you", "your", "yours", "yourself", "he", "him", "his",
      "himself", "she", "her", "hers", "herself", "it", "its", "itself", "we", "us", "our", "ours", "ourselves", "they",
      "them", "their", "theirs", "themselves", "this", "that", "these", "those", "who", "whom", "whose", "which",
      "what", "one",
      // prepositions
      "of", "in", "to", "for", "with", "on", "at", "from", "by", "about", "as", "into", "like", "through", "after",
      "over", "between", "out", "against", "during", "without", "before", "under", "around", "among", "upon", "toward",
      "towards", "off", "up", "down", "above", "below", "within", "across", "behind", "beyond", "near", "since",
      "until", "till",
      // conjunctions, adverbs of grammar
      "and", "or", "but", "nor", "so", "yet", "if", "because", "though", "although", "while", "than", "whether", "when",
      "where", "why", "how", "then", "there", "here", "not", "no", "too", "very", "just", "only", "also", "all", "any",
      "both", "each", "few", "more", "most", "other", "some", "such", "own", "same", "again", "once",
      // auxiliaries
      "be", "am", "is", "are", "was", "were", "been", "being", "have", "has", "had", "having", "do", "does", "did",
      "doing", "will", "would", "shall", "should", "can", "could", "may", "might", "must",
      // what GPT-2's pre-tokenizer splits off
      "'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
  return kWords.contains(word);
}

enum class Shape { kSpace, kDigits, kLetters, kMarks, kBroken };

// Letters beyond ASCII by blocks: good enough to tell words from marks.
bool IsLetter(char32_t code) {
  if (code < 0x80) return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
  if (code < 0xC0) return code == 0xAA || code == 0xB5 || code == 0xBA;
  const bool marks = code == 0xD7 || code == 0xF7 || (code >= 0x2000 && code <= 0x2BFF) ||
                     (code >= 0x3000 && code <= 0x303F) || (code >= 0xFE00 && code <= 0xFE6F) ||
                     (code >= 0xFF00 && code <= 0xFF20) || code >= 0x1F000;
  return !marks;
}

bool IsDigit(char32_t code) { return code >= '0' && code <= '9'; }

bool IsCapital(char32_t code) { return (code >= 'A' && code <= 'Z') || (code >= 0xC0 && code <= 0xDE && code != 0xD7); }

Shape ShapeOf(std::string_view body) {
  if (body.empty()) return Shape::kSpace;
  if (body.front() == '\'' && IsStopWord(std::string(body))) return Shape::kLetters;
  bool letters = false;
  bool digits = false;
  while (!body.empty()) {
    const Utf8Char character = ReadUtf8(body);
    if (character.status != Utf8Status::kValid) return Shape::kBroken;
    letters |= IsLetter(character.code);
    digits |= IsDigit(character.code);
    body.remove_prefix(character.length);
  }
  return letters ? Shape::kLetters : digits ? Shape::kDigits : Shape::kMarks;
}

std::string_view Body(std::string_view bytes) {
  const size_t first = bytes.find_first_not_of(kSpaces);
  return first == std::string_view::npos ? std::string_view() : bytes.substr(first);
}

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

TokenClass ClassOfWord(const std::string& word, bool capital) {
  if (IsStopWord(word)) return TokenClass::kStopWord;
  return capital ? TokenClass::kCapitalised : TokenClass::kWord;
}

TokenClass ClassOfRest(Shape shape) {
  switch (shape) {
    case Shape::kSpace:
      return TokenClass::kWhitespace;
    case Shape::kDigits:
      return TokenClass::kNumber;
    case Shape::kMarks:
      return TokenClass::kPunctuation;
    default:
      return TokenClass::kOther;
  }
}

}  // namespace

std::string_view ToString(TokenClass token_class) {
  constexpr std::array<std::string_view, kTokenClasses> kNames = {
      "whitespace", "numbers", "punctuation", "word pieces", "stop words", "capitalised words", "other words", "other"};
  return kNames[static_cast<size_t>(token_class)];
}

std::vector<TokenKind> ClassifyTokens(std::span<const std::string> bytes) {
  std::vector<TokenKind> kinds(bytes.size());
  for (size_t i = 0; i < bytes.size();) {
    const std::string_view body = Body(bytes[i]);
    const Shape shape = ShapeOf(body);
    if (shape != Shape::kLetters) {
      kinds[i].token_class = bytes[i].empty() ? TokenClass::kOther : ClassOfRest(shape);
      ++i;
      continue;
    }
    size_t end = i + 1;
    std::string word(body);
    // "'s" is a word of its own: neither does it continue one, nor is it continued.
    const auto continues = [&](const std::string& next) {
      return body.front() != '\'' && !next.empty() && next.front() != '\'' &&
             kSpaces.find(next.front()) == kSpaces.npos && ShapeOf(next) == Shape::kLetters;
    };
    while (end < bytes.size() && continues(bytes[end])) word += bytes[end++];
    const bool capital = IsCapital(ReadUtf8(word).code);
    word = Lower(std::move(word));
    const TokenClass token_class = end - i > 1 ? TokenClass::kPiece : ClassOfWord(word, capital);
    for (; i < end; ++i) kinds[i] = {token_class, word};
  }
  return kinds;
}

}  // namespace dcp::tools
