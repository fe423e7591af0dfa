// What the recall test asks: something is said early in a text, and asked for again `distance` tokens later.
#ifndef DCP_TOOLS_DCP_EVAL_RECALL_TRIALS_H_
#define DCP_TOOLS_DCP_EVAL_RECALL_TRIALS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "common/corpus.h"
#include "dcp-eval/scoring/continuations.h"
#include "dcp/tokenizer.h"

namespace dcp::tools {

enum class RecallKind {
  kFact,     // a sentence plants a name or a number; its beginning is repeated, and the name or number has to follow
  kPassage,  // a passage of the text is said again word for word
};
std::string_view ToString(RecallKind kind);  // "fact", "passage"

struct RecallShape {
  size_t lead = 32;       // tokens of the text before what is planted
  size_t passage = 32;    // tokens of a passage; >= 2
  size_t candidates = 8;  // names or numbers to choose from; 2 to kMaxCandidates
  size_t max_distance = 0;
  uint64_t seed = 0;
};
inline constexpr size_t kMaxCandidates = 20;

// One trial at one distance.
//   kFact: two questions, which differ in what is planted: candidate 0 in the first, candidate 1 in the second. The
//     continuations of both are all candidates.
//   kPassage: three questions with the passage, its first token left out, as the continuation: where it was said
//     `distance` tokens before; the same where another passage stands in its place; and where it is said first.
using RecallTrial = std::vector<Question>;

// Makes trials from stretches of the documents. A trial's stretch, wording and candidates depend on (seed, trial)
// alone; at all distances the same text leads in, and the same text comes last before it is asked.
class RecallTrials {
 public:
  // Throws dcp::Error(kInvalidArgument) when no document is as long as a trial of the largest distance.
  RecallTrials(std::span<const Document> documents, const Tokenizer& tokenizer, const RecallShape& shape);

  // `distance`: tokens from the last token of what was planted to the first of what is asked for (kFact), from each
  // token of the passage to the same one of its repetition (kPassage). Attention within a window of `distance` tokens
  // just reaches it; information can travel further, from layer to layer. Throws dcp::Error(kInvalidArgument) when
  // there is no room for the question itself.
  RecallTrial Make(RecallKind kind, size_t trial, size_t distance) const;

  // Tokens of the longest sequence of a trial, all but the last predicted one, which is not fed.
  static size_t LongestSequence(const RecallTrial& trial);

 private:
  RecallTrial MakeFact(size_t trial, size_t distance) const;
  RecallTrial MakePassage(size_t trial, size_t distance) const;
  std::span<const TokenId> Stretch(RecallKind kind, size_t trial) const;
  size_t Draw(RecallKind kind, size_t trial, size_t position, size_t count) const;
  std::vector<std::vector<TokenId>> Candidates(size_t trial, std::span<const std::string_view> from) const;

  std::span<const Document> documents_;
  const Tokenizer& tokenizer_;
  RecallShape shape_;
  size_t stretch_;     // tokens
  size_t places_ = 0;  // where a stretch can begin, in all documents
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_RECALL_TRIALS_H_
