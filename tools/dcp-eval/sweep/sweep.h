// dcp-eval sweep: one text under many policies and budgets, every row over the same windows: what pruning costs, and
// what a simpler policy that keeps as many tokens would have cost.
#ifndef DCP_TOOLS_DCP_EVAL_SWEEP_SWEEP_H_
#define DCP_TOOLS_DCP_EVAL_SWEEP_SWEEP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/tool.h"
#include "dcp-eval/scoring/model_list.h"
#include "dcp-eval/scoring/texts.h"
#include "dcp/eviction_policy.h"

namespace dcp::tools {

// Whose weights the training-free policies run on.
enum class BaselineModel { kControl, kVariant, kBoth };

struct SweepOptions {
  ModelListOptions models;
  TextOptions text;
  ModelToolOptions run;                     // threads, weights, kv, seed, prefill_chunk; the rest is not used
  int max_windows = 0;                      // score that many only, spread over the texts; 0: all
  std::vector<float> thresholds = {0};      // of the learned rows
  std::vector<PolicySpec::Kind> baselines;  // window, sinks, strided, h2o
  BaselineModel baseline_model = BaselineModel::kControl;
  bool match = true;                       // baselines at the kept tokens of every learned row
  std::vector<double> budgets;             // and at these sparsities, at the last position of the context
  int bootstrap = 2000;                    // samples of the text; 0: no intervals
  std::optional<std::string> resume_file;  // rows that it holds are not measured again; gets those that are
  std::optional<std::string> json_file;    // "-": standard output, instead of the table
  std::optional<std::string> csv_file;
  std::optional<std::string> plot_file;           // perplexity against sparsity
  std::optional<std::string> plot_position_file;  // perplexity by position
};

// Measures and reports; throws dcp::Error. Returns kExitDone, or kExitInterrupted after a report of the rows that were
// done.
int RunSweep(const SweepOptions& options, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SWEEP_SWEEP_H_
