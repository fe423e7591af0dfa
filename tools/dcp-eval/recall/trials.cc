#include "dcp-eval/recall/trials.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <utility>

#include "dcp/error.h"
#include "dcp/sampler.h"

namespace dcp::tools {
namespace {

using Ids = std::vector<TokenId>;

constexpr std::array<std::string_view, kMaxCandidates> kNames = {
    " Ambrose", " Walter", " Margaret", " Robert",  " Alice", " Edward", " Martha",  " Philip", " Helen", " Richard",
    " Agnes",   " Arthur", " Caroline", " Francis", " Edith", " Harold", " Dorothy", " Samuel", " Ruth",  " Peter"};
constexpr std::array<std::string_view, kMaxCandidates> kNumbers = {
    " three",     " four",     " five",     " six",      " seven",    " eight",   " nine",
    " ten",       " eleven",   " twelve",   " thirteen", " fourteen", " fifteen", " sixteen",
    " seventeen", " eighteen", " nineteen", " twenty",   " thirty",   " forty"};

struct Wording {
  std::string_view sentence;  // what is planted or asked for follows
  std::span<const std::string_view> answers;
};
constexpr std::array<Wording, 6> kWordings = {{{"The password of the old mill is", kNames},
                                               {"The number on the blue door is", kNumbers},
                                               {"The captain's parrot was called", kNames},
                                               {"The box was marked with the number", kNumbers},
                                               {"The key of the tower was given to", kNames},
                                               {"The boat that we want is number", kNumbers}}};

void Append(Ids& to, std::span<const TokenId> ids) { to.insert(to.end(), ids.begin(), ids.end()); }

}  // namespace

std::string_view ToString(RecallKind kind) { return kind == RecallKind::kFact ? "fact" : "passage"; }

RecallTrials::RecallTrials(std::span<const Document> documents, const Tokenizer& tokenizer, const RecallShape& shape)
    : documents_(documents),
      tokenizer_(tokenizer),
      shape_(shape),
      stretch_(shape.lead + 2 * shape.passage + shape.max_distance) {
  size_t longest = 0;
  for (const Document& document : documents_) {
    longest = std::max(longest, document.ids.size());
    if (document.ids.size() >= stretch_) places_ += document.ids.size() - stretch_ + 1;
  }
  if (places_ == 0) {
    RejectInput("the longest text has " + std::to_string(longest) + " tokens, a trial takes " +
                std::to_string(stretch_));
  }
}

size_t RecallTrials::Draw(RecallKind kind, size_t trial, size_t position, size_t count) const {
  const uint64_t stream = 2 * static_cast<uint64_t>(trial) + (kind == RecallKind::kFact ? 0 : 1);
  return static_cast<size_t>(CounterUniform(shape_.seed, stream, position) * static_cast<double>(count));
}

std::span<const TokenId> RecallTrials::Stretch(RecallKind kind, size_t trial) const {
  size_t place = Draw(kind, trial, 0, places_);
  for (const Document& document : documents_) {
    if (document.ids.size() < stretch_) continue;
    const size_t here = document.ids.size() - stretch_ + 1;
    if (place < here) return std::span(document.ids).subspan(place, stretch_);
    place -= here;
  }
  throw Error(ErrorCode::kInternal, "recall: a draw beyond the last text");
}

std::vector<Ids> RecallTrials::Candidates(size_t trial, std::span<const std::string_view> from) const {
  std::vector<size_t> order(from.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::vector<Ids> candidates;
  for (size_t i = 0; i < shape_.candidates; ++i) {
    std::swap(order[i], order[i + Draw(RecallKind::kFact, trial, 1 + i, order.size() - i)]);
    candidates.push_back(tokenizer_.Encode(from[order[i]]));
  }
  return candidates;
}

RecallTrial RecallTrials::Make(RecallKind kind, size_t trial, size_t distance) const {
  RecallTrial questions = kind == RecallKind::kFact ? MakeFact(trial, distance) : MakePassage(trial, distance);
  for (Question& question : questions) {
    question.name =
        std::string(ToString(kind)) + " trial " + std::to_string(trial) + " at distance " + std::to_string(distance);
  }
  return questions;
}

RecallTrial RecallTrials::MakeFact(size_t trial, size_t distance) const {
  const Wording& wording = kWordings[trial % kWordings.size()];
  const Ids sentence = tokenizer_.Encode("\n\n" + std::string(wording.sentence));
  // A paragraph's end as the tokenizer splits it before a word, not at the end of a text.
  Ids end = tokenizer_.Encode(".\n");
  Append(end, tokenizer_.Encode("\n"));
  const size_t least = end.size() + sentence.size() + 1;
  if (distance < least) {
    RejectInput("--distances: " + std::to_string(distance) + " is less than the question itself takes, " +
                std::to_string(least) + " tokens");
  }
  const auto stretch = Stretch(RecallKind::kFact, trial);
  RecallTrial questions(2);
  const std::vector<Ids> candidates = Candidates(trial, wording.answers);
  for (size_t planted = 0; planted < 2; ++planted) {
    Ids& context = questions[planted].context;
    Append(context, stretch.first(shape_.lead));
    Append(context, sentence);
    Append(context, candidates[planted]);
    Append(context, end);
    Append(context, stretch.last(distance - least));
    Append(context, sentence);
    questions[planted].continuations = candidates;
  }
  return questions;
}

RecallTrial RecallTrials::MakePassage(size_t trial, size_t distance) const {
  if (distance < shape_.passage) {
    RejectInput("--distances: " + std::to_string(distance) + " is less than a passage, " +
                std::to_string(shape_.passage) + " tokens");
  }
  const auto stretch = Stretch(RecallKind::kPassage, trial);
  const auto lead = stretch.first(shape_.lead);
  const auto passage = stretch.subspan(shape_.lead, shape_.passage);
  const auto other = stretch.subspan(shape_.lead + shape_.passage, shape_.passage);
  const auto filler = stretch.last(distance - shape_.passage);
  RecallTrial questions(3);
  for (size_t i = 0; i < questions.size(); ++i) {
    Ids& context = questions[i].context;
    Append(context, lead);
    if (i < 2) {
      Append(context, i == 0 ? passage : other);
      Append(context, filler);
    }
    context.push_back(passage.front());  // nothing says that the passage begins: only what follows can be known
    questions[i].continuations = {Ids(passage.begin() + 1, passage.end())};
  }
  return questions;
}

size_t RecallTrials::LongestSequence(const RecallTrial& trial) {
  size_t longest = 0;
  for (const Question& question : trial) {
    for (const Ids& continuation : question.continuations) {
      longest = std::max(longest, question.context.size() + continuation.size() - 1);
    }
  }
  return longest;
}

}  // namespace dcp::tools
