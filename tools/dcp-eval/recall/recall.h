// dcp-eval recall: over which distances a model still knows what was said, dense and under every policy.
#ifndef DCP_TOOLS_DCP_EVAL_RECALL_RECALL_H_
#define DCP_TOOLS_DCP_EVAL_RECALL_RECALL_H_

#include <optional>
#include <string>
#include <vector>

#include "common/estimate.h"
#include "common/model_options.h"
#include "common/tool.h"
#include "dcp-eval/recall/trials.h"
#include "dcp-eval/scoring/model_list.h"

namespace dcp::tools {

struct RecallOptions {
  ModelListOptions models;
  ModelToolOptions run;  // all but model, adapter and policy
  std::vector<std::string> texts;
  std::vector<std::string> policies;  // beside dense; empty: learned, where a model has interaction tensors
  std::vector<RecallKind> kinds = {RecallKind::kFact, RecallKind::kPassage};
  std::vector<int> distances = {32, 64, 128, 256, 512, 900};
  int trials = 100;
  int candidates = 8;
  int lead = 32;
  int passage = 32;
  int batch = 8;
  std::optional<std::string> plot_file;
  bool json = false;
};

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

// Measures and reports; throws dcp::Error. Returns kExitDone or kExitInterrupted.
int RunRecall(const RecallOptions& options, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_RECALL_RECALL_H_
