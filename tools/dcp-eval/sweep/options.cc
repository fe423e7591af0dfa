#include "dcp-eval/sweep/options.h"

#include <cmath>

#include "common/option_group.h"
#include "common/report_file.h"

namespace dcp::tools {
namespace {

float ReadThreshold(const std::string& text) {
  const auto value = ReadNumber<float>(text);
  if (!std::isfinite(value)) RejectValue(text, "is not a number");
  return value;
}

double ReadBudget(const std::string& text) {
  const auto value = ReadNumber<double>(text);
  if (!(value >= 0 && value < 1)) RejectValue(text, "is not a sparsity, 0 or more and less than 1");
  return value;
}

void AddModels(CLI::App& app, SweepOptions& options) {
  const OptionGroup add(app, "Models");
  AddModelList(add, options.models);
  AddRunOptions(add, options.run);
}

void AddRows(CLI::App& app, SweepOptions& options) {
  using Kind = PolicySpec::Kind;
  const OptionGroup add(app, "Rows");
  add.List("--thresholds", options.thresholds,
           "Thresholds of the learned rows; larger prunes more; default: 0, as trained", "TAU,TAU..", ReadThreshold);
  add.List("--baselines", options.baselines, "Training-free policies: window, sinks, strided, h2o; default: all four",
           "KIND,..",
           OneOf<Kind>(
               {{"window", Kind::kWindow}, {"sinks", Kind::kSinks}, {"strided", Kind::kStrided}, {"h2o", Kind::kH2O}}));
  add.Flag("--no-match", options.no_match, "No baselines at the kept tokens of the learned rows");
  add.List("--budgets", options.budgets,
           "Baselines at these sparsities too, 0 to 1, at the last position of the context", "X,X..", ReadBudget);
  add("--baseline-model", options.baseline_model,
      "Whose weights baselines run on: control, variant (each on the models of its learned rows), both; default: "
      "control",
      "WHICH",
      OneOf<BaselineModel>({{"control", BaselineModel::kControl},
                            {"variant", BaselineModel::kVariant},
                            {"both", BaselineModel::kBoth}}));
}

void AddOutput(CLI::App& app, SweepOptions& options) {
  const OptionGroup add(app, "Output");
  AddJsonFile(add, options.json_file,
              "Write all results as JSON; no FILE, or -: to standard output, without the table");
  add("--csv", options.csv_file, "Write the rows as CSV", "FILE");
  add("--plot", options.plot_file, "Draw perplexity against sparsity, a line for each policy", "FILE.svg");
  add("--plot-position", options.plot_position_file, "Draw perplexity by position, a line for each row", "FILE.svg");
  add("--resume", options.resume_file,
      "Keep each row that is done in this file, and do not measure again what it holds", "FILE");
  add("--bootstrap", options.bootstrap, "Samples for the 95 % intervals; default: 2000; 0: no intervals", "N");
  AddSeed(add, options.run.seed, "those samples");
}

}  // namespace

void AddSweepOptions(CLI::App& app, SweepOptions& options) {
  AddCorpusOptions(app, options.text);
  OptionGroup(app, "Windows")("--max-windows", options.max_windows,
                              "Score N windows only, spread over the texts; default: 0, all", "N");
  AddModels(app, options);
  AddRows(app, options);
  AddOutput(app, options);
}

}  // namespace dcp::tools
