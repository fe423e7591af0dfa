// What dcp-eval sweep can be told.
#ifndef DCP_TOOLS_DCP_EVAL_SWEEP_OPTIONS_H_
#define DCP_TOOLS_DCP_EVAL_SWEEP_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "dcp-eval/scoring/model_list.h"
#include "dcp-eval/scoring/texts.h"
#include "dcp/eviction_policy.h"

namespace dcp::tools {

// Whose weights the training-free policies run on.
enum class BaselineModel { kControl, kVariant, kBoth };

struct SweepOptions {
  ModelListOptions models;
  CorpusOptions text;
  ModelToolOptions run;                 // threads, weights, kv, seed, prefill_chunk; the rest is not used
  size_t max_windows = 0;               // score that many only, spread over the texts; 0: all
  std::vector<float> thresholds = {0};  // of the learned rows
  std::vector<PolicySpec::Kind> baselines = {PolicySpec::Kind::kWindow, PolicySpec::Kind::kSinks,
                                             PolicySpec::Kind::kStrided, PolicySpec::Kind::kH2O};
  BaselineModel baseline_model = BaselineModel::kControl;
  bool no_match = false;                   // no baselines at the kept tokens of the learned rows
  std::vector<double> budgets;             // baselines at these sparsities too, at the last position of the context
  size_t bootstrap = 2000;                 // samples of the text; 0: no intervals
  std::optional<std::string> resume_file;  // rows that it holds are not measured again; gets those that are
  std::optional<std::string> json_file;    // "-": standard output, instead of the table
  std::optional<std::string> csv_file;
  std::optional<std::string> plot_file;           // perplexity against sparsity
  std::optional<std::string> plot_position_file;  // perplexity by position
};

void AddSweepOptions(CLI::App& app, SweepOptions& options);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SWEEP_OPTIONS_H_
