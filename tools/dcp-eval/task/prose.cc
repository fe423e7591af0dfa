#include "dcp-eval/task/prose.h"

#include <functional>
#include <set>
#include <utility>

namespace dcp::tools {
namespace {

// Classes of ASCII, whatever the locale; the bytes of other characters count as letters.
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsWordByte(char c) { return IsUpper(c) || IsLower(c) || (c >= '0' && c <= '9') || (c & 0x80) != 0; }
bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (IsUpper(c)) c = static_cast<char>(c + 32);
  }
  return lower;
}

bool IsAbbreviation(std::string_view core) {
  static const std::set<std::string, std::less<>> kWords = {"capt", "col", "dr", "gen",  "hon", "messrs",
                                                            "mr",   "mrs", "no", "prof", "rev", "st"};
  return kWords.contains(Lower(core));
}

}  // namespace

bool IsFunctionWord(std::string_view core) {
  static const std::set<std::string, std::less<>> kWords = {
      "about",     "above",      "across",  "after",   "again",    "against", "ain't",  "almost",   "also",
      "although",  "always",     "among",   "another", "anything", "aren't",  "around", "away",     "back",
      "because",   "been",       "before",  "behind",  "being",    "below",   "beside", "besides",  "between",
      "both",      "can't",      "cannot",  "could",   "couldn't", "didn't",  "does",   "doesn't",  "doing",
      "don't",     "done",       "down",    "each",    "either",   "else",    "enough", "even",     "ever",
      "every",     "everything", "from",    "hadn't",  "have",     "haven't", "having", "here",     "hers",
      "herself",   "himself",    "i'll",    "i've",    "indeed",   "instead", "into",   "isn't",    "it's",
      "itself",    "just",       "like",    "might",   "mine",     "more",    "most",   "much",     "must",
      "myself",    "neither",    "never",   "nothing", "once",     "only",    "other",  "others",   "ours",
      "over",      "perhaps",    "quite",   "rather",  "same",     "shall",   "should", "since",    "some",
      "something", "such",       "than",    "that",    "that's",   "their",   "theirs", "them",     "themselves",
      "then",      "there",      "these",   "they",    "they're",  "this",    "those",  "though",   "through",
      "together",  "toward",     "towards", "under",   "until",    "upon",    "very",   "wasn't",   "well",
      "were",      "weren't",    "what",    "when",    "where",    "whether", "which",  "while",    "whom",
      "whose",     "will",       "with",    "within",  "without",  "won't",   "would",  "wouldn't", "you'll",
      "you're",    "your",       "yours",   "yourself"};
  return kWords.contains(Lower(core));
}

Prose::Prose(std::string text) : text_(std::move(text)) { FindWords(); }

void Prose::FindWords() {
  for (size_t at = 0; at < text_.size();) {
    if (IsBlank(text_[at])) {
      ++at;
      continue;
    }
    Word word;
    word.begin = at;
    while (at < text_.size() && !IsBlank(text_[at])) ++at;
    word.end = at;
    word.core_begin = word.begin;
    word.core_end = word.end;
    while (word.core_begin < word.core_end && !IsWordByte(text_[word.core_begin])) ++word.core_begin;
    while (word.core_end > word.core_begin && !IsWordByte(text_[word.core_end - 1])) --word.core_end;
    const size_t before = words_.empty() ? 0 : words_.back().end;
    word.starts_paragraph = words_.empty() || text_.substr(before, word.begin - before).find('\n') != std::string::npos;
    words_.push_back(word);
  }
  for (size_t i = 0; i < words_.size(); ++i) {
    words_[i].starts_sentence = words_[i].starts_paragraph || EndsSentence(i - 1);
  }
}

std::string_view Prose::Core(size_t word) const {
  return std::string_view(text_).substr(words_[word].core_begin, words_[word].core_end - words_[word].core_begin);
}

std::string_view Prose::Span(size_t first, size_t last) const {
  return std::string_view(text_).substr(words_[first].begin, words_[last].end - words_[first].begin);
}

bool Prose::EndsSentence(size_t i) const {
  size_t end = words_[i].end;
  while (end > words_[i].begin && (text_[end - 1] == '"' || text_[end - 1] == '\'' || text_[end - 1] == ')')) --end;
  if (end == words_[i].begin) return false;
  const char mark = text_[end - 1];
  if (mark != '.' && mark != '!' && mark != '?') return false;
  if (i + 1 == words_.size() || words_[i + 1].starts_paragraph) return true;
  const std::string_view core = Core(i);
  const bool initial = core.size() == 1 && IsUpper(core[0]) && core != "I";
  if (mark == '.' && (initial || IsAbbreviation(core))) return false;
  const std::string_view next = Core(i + 1);
  return !next.empty() && !IsLower(next[0]);
}

}  // namespace dcp::tools
