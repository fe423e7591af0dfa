#include "dcp-eval/sweep/command.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

#include "common/option_group.h"
#include "dcp/error.h"

namespace dcp::tools {
namespace {

constexpr char kExamples[] =
    "Rows: the dense control; each model's learned policy at each threshold; each baseline with the number of tokens\n"
    "that each learned row keeps in the mean, and at --budgets. Every row scores the same windows.\n"
    "\n"
    "Examples:\n"
    "  dcp-eval sweep --manifest models/manifest.json --text books/ --json sweep.json --plot sweep.svg\n"
    "  dcp-eval sweep --model models/books --text a.txt --thresholds -0.5,0,0.5 --budgets 0.5,0.8\n"
    "  dcp-eval sweep --model base --adapter a --adapter b --text books/ --max-windows 50 --resume rows.jsonl\n"
    "\n"
    "Ctrl-C ends the sweep with a report of the rows that are done (exit status 130).\n";

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

// What `parse` makes of each entry of a list, without repetitions, in the order given.
template <typename Parse>
auto ParseList(const std::string& option, std::string_view list, const Parse& parse) {
  std::vector<decltype(parse(std::string()))> values;
  while (true) {
    const size_t comma = list.find(',');
    const std::string entry(list.substr(0, comma));
    if (entry.empty()) Reject(option + ": an entry of the list is empty");
    const auto value = parse(entry);
    if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
    if (comma == std::string_view::npos) return values;
    list.remove_prefix(comma + 1);
  }
}

double ParseNumber(const std::string& option, const std::string& text) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !std::isfinite(value)) {
    Reject(option + ": \"" + text + "\" is not a number");
  }
  return value;
}

float ParseThreshold(const std::string& text) { return static_cast<float>(ParseNumber("--thresholds", text)); }

double ParseBudget(const std::string& text) {
  const double value = ParseNumber("--budgets", text);
  if (!(value >= 0 && value < 1)) Reject("--budgets: " + text + " is not a sparsity, 0 or more and less than 1");
  return value;
}

PolicySpec::Kind ParseBaseline(const std::string& text) {
  if (text == "window") return PolicySpec::Kind::kWindow;
  if (text == "sinks") return PolicySpec::Kind::kSinks;
  if (text == "strided") return PolicySpec::Kind::kStrided;
  if (text == "h2o") return PolicySpec::Kind::kH2O;
  Reject("--baselines: \"" + text + "\" is not one of window, sinks, strided, h2o");
}

BaselineModel ParseBaselineModel(const std::string& text) {
  if (text == "control") return BaselineModel::kControl;
  if (text == "variant") return BaselineModel::kVariant;
  if (text == "both") return BaselineModel::kBoth;
  Reject("--baseline-model: \"" + text + "\" is not one of control, variant, both");
}

}  // namespace

SweepCommand::SweepCommand(CLI::App& app)
    : command_(app.add_subcommand("sweep", "perplexity against sparsity: many policies and budgets over one text")) {
  AddTextOptions(*command_, options_.text);
  command_
      ->add_option("--max-windows", options_.max_windows,
                   "Score N windows only, spread over the texts; default: 0, all")
      ->type_name("N")
      ->group("Windows");
  AddModels();
  AddRows();
  AddOutput();
  command_->footer(kExamples);
}

void SweepCommand::AddModels() {
  const OptionGroup add(*command_, "Models");
  AddModelList(add, options_.models);
  AddRunOptions(add, options_.run);
}

void SweepCommand::AddRows() {
  constexpr char kRows[] = "Rows";
  const auto add = [&](const char* name, auto& value, const char* help, const char* type) {
    return command_->add_option(name, value, help)->type_name(type)->group(kRows);
  };
  add("--thresholds", thresholds_, "Thresholds of the learned rows; larger prunes more; default: 0, as trained",
      "TAU,TAU..");
  add("--baselines", baselines_, "Training-free policies: window, sinks, strided, h2o; default: all four", "KIND,..");
  command_->add_flag("--no-match", no_match_, "No baselines at the kept tokens of the learned rows")->group(kRows);
  add("--budgets", budgets_, "Baselines at these sparsities too, 0 to 1, at the last position of the context", "X,X..");
  add("--baseline-model", baseline_model_,
      "Whose weights baselines run on: control, variant (each on the models of its learned rows), both; default: "
      "control",
      "WHICH");
}

void SweepCommand::AddOutput() {
  constexpr char kOutput[] = "Output";
  const auto add = [&](const char* name, auto& value, const char* help, const char* type) {
    return command_->add_option(name, value, help)->type_name(type)->group(kOutput);
  };
  add("--json", options_.json_file, "Write all results as JSON; no FILE, or -: to standard output, without the table",
      "FILE")
      ->expected(0, 1)
      ->default_str("-");
  add("--csv", options_.csv_file, "Write the rows as CSV", "FILE");
  add("--plot", options_.plot_file, "Draw perplexity against sparsity, a line for each policy", "FILE.svg");
  add("--plot-position", options_.plot_position_file, "Draw perplexity by position, a line for each row", "FILE.svg");
  add("--resume", options_.resume_file,
      "Keep each row that is done in this file, and do not measure again what it holds", "FILE");
  add("--bootstrap", options_.bootstrap, "Samples for the 95 % intervals; default: 2000; 0: no intervals", "N");
  AddSeed(OptionGroup(*command_, kOutput), options_.run.seed, "those samples");
}

std::optional<int> SweepCommand::Run(ToolIo& io) const {
  if (!command_->parsed()) return std::nullopt;
  SweepOptions options = options_;
  options.thresholds = ParseList("--thresholds", thresholds_, ParseThreshold);
  if (!budgets_.empty()) options.budgets = ParseList("--budgets", budgets_, ParseBudget);
  options.baselines = ParseList("--baselines", baselines_, ParseBaseline);
  options.baseline_model = ParseBaselineModel(baseline_model_);
  options.match = !no_match_;
  return RunSweep(options, io);
}

}  // namespace dcp::tools
