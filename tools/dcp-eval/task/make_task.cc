#include "dcp-eval/task/make_task.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "common/corpus.h"
#include "common/files.h"
#include "common/model_options.h"
#include "common/option_group.h"
#include "common/ranks/ranks.h"
#include "dcp-eval/subcommands.h"
#include "dcp/sampler.h"

namespace dcp::tools {
namespace {

constexpr size_t kEndings = 4;
constexpr size_t kShortestEnding = 6;  // words
constexpr size_t kLongestEnding = 30;
constexpr size_t kCommonShare = 2000;  // a word that is more than one in so many of its book says little

// 0 .. count-1 in an order that the seed and the stream alone decide.
std::vector<size_t> Shuffled(size_t count, uint64_t seed, uint64_t stream) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = count; i > 1; --i) {
    const auto other = static_cast<size_t>(CounterUniform(seed, stream, i) * static_cast<double>(i));
    std::swap(order[i - 1], order[other]);
  }
  return order;
}

bool AllLetters(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); });
}

bool IsCapital(char c) { return c >= 'A' && c <= 'Z'; }

// Where a text that ends before word `end` and holds at most `words` words begins: with a sentence, and not much
// shorter than asked.
std::optional<size_t> StartOf(const Prose& prose, size_t end, size_t words) {
  for (size_t start = end - std::min(end, words); start < end && end - start >= words - words / 4; ++start) {
    if (prose.words()[start].starts_sentence) return start;
  }
  return std::nullopt;
}

// Keeps what is taken from a book apart.
class Taken {
 public:
  bool Take(size_t begin, size_t end) {
    const auto overlaps = [&](const auto& other) { return begin < other.second && other.first < end; };
    if (std::any_of(spans_.begin(), spans_.end(), overlaps)) return false;
    spans_.emplace_back(begin, end);
    return true;
  }

 private:
  std::vector<std::pair<size_t, size_t>> spans_;  // words
};

class LastWordMaker {
 public:
  LastWordMaker(const Book& book, const MakeTaskOptions& options, uint64_t stream)
      : book_(book), words_(static_cast<size_t>(options.words)) {
    for (size_t i = 0; i < book_.prose.words().size(); ++i) ++counts_[book_.prose.Core(i)];
    FindCandidates(static_cast<size_t>(options.min_distance));
    order_ = Shuffled(candidates_.size(), options.seed, stream);
  }

  std::optional<Json> Next() {
    while (next_ < order_.size()) {
      const Candidate& candidate = candidates_[order_[next_++]];
      const std::string_view core = book_.prose.Core(candidate.word);
      if (said_.contains(core) || !taken_.Take(candidate.start, candidate.word + 1)) continue;
      said_.insert(core);
      const size_t begin = book_.prose.words()[candidate.start].begin;
      Json example;
      example["text"] = book_.prose.text().substr(begin, book_.prose.words()[candidate.word].core_end - begin);
      example["book"] = book_.name;
      example["distance"] = candidate.distance;
      return example;
    }
    return std::nullopt;
  }

 private:
  struct Candidate {
    size_t start;  // index of the text's first word
    size_t word;   // ... of its last
    size_t distance;
  };

  // A word that stands by itself, closes its sentence and means something.
  bool MayBeLast(size_t i) const {
    const Word& word = book_.prose.words()[i];
    const std::string_view core = book_.prose.Core(i);
    const bool name = core.size() >= 3 && IsCapital(core[0]);
    const bool rare = counts_.at(core) * kCommonShare <= book_.prose.words().size();
    const bool clean = word.core_begin == word.begin && AllLetters(core) && !word.starts_sentence;
    return clean && (name || (rare && core.size() >= 4)) && !IsFunctionWord(core) && book_.prose.EndsSentence(i);
  }

  void FindCandidates(size_t min_distance) {
    std::map<std::string_view, size_t> last_seen;
    for (size_t i = 0; i < book_.prose.words().size(); ++i) {
      const std::string_view core = book_.prose.Core(i);
      const auto seen = last_seen.find(core);
      if (seen != last_seen.end() && i - seen->second >= min_distance && MayBeLast(i)) {
        const auto start = StartOf(book_.prose, i + 1, words_);
        if (start && *start <= seen->second) candidates_.push_back({*start, i, i - seen->second});
      }
      last_seen[core] = i;
    }
  }

  const Book& book_;
  size_t words_;
  std::map<std::string_view, size_t> counts_;
  std::vector<Candidate> candidates_;
  std::vector<size_t> order_;
  size_t next_ = 0;
  Taken taken_;
  std::set<std::string_view> said_;
};

class ClozeMaker {
 public:
  ClozeMaker(const Book& book, const MakeTaskOptions& options, uint64_t stream)
      : book_(book), words_(static_cast<size_t>(options.words)), seed_(options.seed), stream_(stream) {
    FindSentences();
    order_ = Shuffled(sentences_.size(), seed_, stream_);
  }

  std::optional<Json> Next() {
    while (next_ < order_.size()) {
      const size_t sentence = order_[next_++];
      const size_t first = sentences_[sentence].first;
      const auto start = StartOf(book_.prose, first, words_);
      if (!start) continue;
      const auto others = Distractors(sentence, *start);
      if (!others || !taken_.Take(*start, sentences_[sentence].last + 1)) continue;
      const auto label =
          static_cast<size_t>(CounterUniform(seed_, stream_, kLabelDraw + sentence) * static_cast<double>(kEndings));
      Json example;
      example["context"] = book_.prose.Span(*start, first - 1);
      std::vector<std::string> endings = *others;
      endings.insert(endings.begin() + static_cast<std::ptrdiff_t>(label), TextOf(sentence));
      example["endings"] = endings;
      example["label"] = label;
      example["book"] = book_.name;
      return example;
    }
    return std::nullopt;
  }

 private:
  static constexpr uint64_t kLabelDraw = uint64_t{1} << 40;  // positions that no shuffle draws

  struct Sentence {
    size_t first;  // words
    size_t last;
  };

  std::string TextOf(size_t sentence) const {
    return std::string(book_.prose.Span(sentences_[sentence].first, sentences_[sentence].last));
  }

  // Narrative from within paragraphs: nothing about its form tells where it belongs.
  void FindSentences() {
    const auto& words = book_.prose.words();
    size_t first = 0, quotes = 0;  // of the paragraph, before the sentence
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i].starts_paragraph) quotes = 0;
      if (words[i].starts_sentence) first = i;
      if (!book_.prose.EndsSentence(i)) continue;
      const std::string_view text = book_.prose.Span(first, i);
      const size_t length = i + 1 - first;
      const auto marks = static_cast<size_t>(std::count(text.begin(), text.end(), '"'));
      const bool plain = marks == 0 && quotes % 2 == 0 && !words[first].starts_paragraph && IsCapital(text[0]);
      if (plain && length >= kShortestEnding && length <= kLongestEnding) sentences_.push_back({first, i});
      quotes += marks;
    }
  }

  // Three sentences from outside the context that are about as long as the right one.
  std::optional<std::vector<std::string>> Distractors(size_t right, size_t context_start) const {
    const std::string text = TextOf(right);
    std::vector<std::string> found;
    for (const size_t other : Shuffled(sentences_.size(), seed_, stream_ + (right + 1) * kStreams)) {
      const bool near = sentences_[other].last + words_ >= context_start &&
                        sentences_[other].first <= sentences_[right].last + words_;
      const std::string candidate = TextOf(other);
      const auto difference = std::abs(static_cast<long>(candidate.size()) - static_cast<long>(text.size()));
      const bool repeated = candidate == text || std::find(found.begin(), found.end(), candidate) != found.end();
      if (near || repeated || 4 * static_cast<size_t>(difference) > text.size()) continue;
      found.push_back(candidate);
      if (found.size() + 1 == kEndings) return found;
    }
    return std::nullopt;
  }

  static constexpr uint64_t kStreams = 1 << 16;  // more than there are books: streams of sentences are their own

  const Book& book_;
  size_t words_;
  uint64_t seed_;
  uint64_t stream_;
  std::vector<Sentence> sentences_;
  std::vector<size_t> order_;
  size_t next_ = 0;
  Taken taken_;
};

template <typename Maker>
std::vector<Json> TakeTurns(const std::vector<Book>& books, const MakeTaskOptions& options) {
  std::vector<Maker> makers;
  for (size_t i = 0; i < books.size(); ++i) makers.emplace_back(books[i], options, i);
  std::vector<Json> examples;
  const auto wanted = static_cast<size_t>(options.count);
  for (bool found = true; found;) {
    found = false;
    for (Maker& maker : makers) {
      auto example = maker.Next();
      if (!example) continue;
      found = true;
      examples.push_back(std::move(*example));
      if (examples.size() == wanted) return examples;
    }
  }
  RejectInput("the texts yield " + std::to_string(examples.size()) + " examples, --count asks for " +
              std::to_string(wanted));
}

MakeTaskOptions WithDefaults(MakeTaskOptions options) {
  if (options.kind != "lastword" && options.kind != "cloze") {
    RejectInput("--kind is \"" + options.kind + "\", must be lastword or cloze");
  }
  if (options.texts.empty()) RejectInput("--text names the books; none was given");
  if (options.words == 0) options.words = options.kind == "lastword" ? 600 : 120;
  if (options.words < 8) RejectInput("--words is " + std::to_string(options.words) + ", at least 8 is needed");
  if (options.count < 1) RejectInput("--count is " + std::to_string(options.count) + ", at least 1 is needed");
  if (options.kind == "lastword" && (options.min_distance < 1 || options.min_distance >= options.words)) {
    RejectInput("--min-distance is " + std::to_string(options.min_distance) + ", must be 1 to --words - 1, " +
                std::to_string(options.words - 1));
  }
  return options;
}

}  // namespace

std::vector<Json> MakeLastWords(const std::vector<Book>& books, const MakeTaskOptions& options) {
  return TakeTurns<LastWordMaker>(books, WithDefaults(options));
}

std::vector<Json> MakeClozes(const std::vector<Book>& books, const MakeTaskOptions& options) {
  return TakeTurns<ClozeMaker>(books, WithDefaults(options));
}

namespace {

int Run(const MakeTaskOptions& given, ToolIo& io) {
  if (!Ranks::Ours().first()) return kExitDone;  // nothing to share
  const MakeTaskOptions options = WithDefaults(given);
  OutputFile out(options.out);
  std::vector<Book> books;
  for (const std::string& path : options.texts) {
    for (const std::string& file : TextFilesOf(path)) {
      books.push_back({std::filesystem::path(DisplayName(file)).stem().string(), Prose(ReadText(file, io))});
    }
  }
  std::string lines;
  for (const Json& example : options.kind == "lastword" ? MakeLastWords(books, options) : MakeClozes(books, options)) {
    lines += Dump(example);
  }
  out.Commit(lines);
  return kExitDone;
}

void AddOptions(CLI::App& app, MakeTaskOptions& options) {
  const OptionGroup add(app, "Options");
  add("--kind", options.kind,
      "lastword (for --task lambada): texts whose last word was said before; cloze (for --task cloze): which of four "
      "sentences of the book comes next",
      "KIND")
      .Required();
  AddTexts(add, options.texts).Required();
  add("--out", options.out, "The file to write, JSON lines", "FILE").Required();
  add("--count", options.count, "Examples; default: 200", "N", AtLeast(1));
  add("--words", options.words, "Words of a context, at most; default: 600 for lastword, 120 for cloze", "N");
  add("--min-distance", options.min_distance,
      "lastword: words between the last word and where it was said before, at least; default: 50", "N");
  AddSeed(add, options.seed, "what is drawn");
}

constexpr ToolText kText = {
    "make-task", "make a last-word or a cloze file for `task` from books",
    "Example:\n  dcp-eval make-task --kind cloze --text books/ --out cloze.jsonl --count 200 --seed 1\n"};

}  // namespace

Subcommand MakeTaskCommand() { return MakeSubcommand(kText, AddOptions, Run); }

}  // namespace dcp::tools
