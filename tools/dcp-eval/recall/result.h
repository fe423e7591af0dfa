// What a recall test found: the outcome of every trial, under every policy.
#ifndef DCP_TOOLS_DCP_EVAL_RECALL_RESULT_H_
#define DCP_TOOLS_DCP_EVAL_RECALL_RESULT_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "common/estimate.h"
#include "dcp-eval/recall/trials.h"
#include "dcp-eval/scoring/continuations.h"
#include "dcp-eval/scoring/model_list.h"

namespace dcp::tools {

// A model under a policy: one line of the plots. The first is dense, on the control.
struct RecallSeries {
  ModelEntry model;
  std::string policy;  // as on the command line
  std::string name;    // as reports name it
};

// What one trial came to. NLLs are natural logarithms: of the name or number (all its tokens), or per token of the
// passage.
struct RecallOutcome {
  double planted = 0;    // NLL of what was said before
  double unplanted = 0;  // NLL of the same, asked at the same place, where it was not said before
  double first = 0;      // passage: NLL where it is said first
  double right = 0;      // fact: share of the two questions in which what was planted is the likeliest candidate
  double rank = 0;       // fact: its mean rank among the candidates, from 1
  double sparsity = 0;   // mean over questions and layers, when the last fed token attends

  double gain() const { return unplanted - planted; }
};

// REQUIRES: the scores of a trial's questions, in their order.
RecallOutcome JudgeTrial(RecallKind kind, std::span<const std::vector<ContinuationScore>> scores);

struct RecallRow {
  RecallKind kind = RecallKind::kFact;
  size_t series = 0;
  size_t distance = 0;
  std::vector<RecallOutcome> trials;

  MeanError gain() const;
  // By how much the gain is less than in the same trials of `dense`.
  MeanError LostAgainst(const RecallRow& dense) const;
  MeanError accuracy() const;
  RecallOutcome Mean() const;
};

struct RecallResult {
  std::vector<RecallSeries> series;
  std::vector<RecallRow> rows;  // series by series, kind by kind, each in the order of the distances; series that
                                // were not done are missing
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_RECALL_RESULT_H_
