#include "dcp-eval/recall/command.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "common/option_group.h"
#include "dcp/error.h"

namespace dcp::tools {
namespace {

constexpr char kFooter[] =
    "Something is said early in a text and asked for `distance` tokens later (attention within a window of that many\n"
    "tokens just reaches it). fact: a sentence plants a name or a number, its beginning is repeated, and all\n"
    "candidates are scored; passage: a passage is repeated word for word. The gain is the NLL where it was not said\n"
    "before less the NLL where it was, at the same place; it shows recall in models far too small to answer right.\n"
    "`lost` is the gain of dense less that of the policy, in the same trials.\n"
    "\n"
    "Examples:\n"
    "  dcp-eval recall --model models/books --text books/ --policy learned --policy window:64\n"
    "  dcp-eval recall --manifest models/manifest.json --text books/ --policy learned --json --plot recall.svg\n";

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

std::vector<int> ParseDistances(std::string_view list) {
  std::vector<int> distances;
  while (true) {
    const size_t comma = list.find(',');
    const std::string_view entry = list.substr(0, comma);
    int value = 0;
    const auto parsed = std::from_chars(entry.data(), entry.data() + entry.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != entry.data() + entry.size() || value < 1) {
      Reject("--distances: \"" + std::string(entry) + "\" is not a number of tokens, 1 or more");
    }
    distances.push_back(value);
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  std::sort(distances.begin(), distances.end());
  distances.erase(std::unique(distances.begin(), distances.end()), distances.end());
  return distances;
}

std::vector<RecallKind> ParseKinds(const std::string& text) {
  if (text == "both") return {RecallKind::kFact, RecallKind::kPassage};
  for (const RecallKind kind : {RecallKind::kFact, RecallKind::kPassage}) {
    if (text == ToString(kind)) return {kind};
  }
  Reject("--kind is \"" + text + "\", must be fact, passage or both");
}

}  // namespace

RecallCommand::RecallCommand(CLI::App& app)
    : command_(app.add_subcommand("recall", "what is still known of what was said, over distances, for each policy")) {
  AddTrials();
  AddModels();
  constexpr char kOutput[] = "Output";
  command_->add_flag("--json", options_.json, "One JSON document instead of a table")->group(kOutput);
  command_->add_option("--plot", options_.plot_file, "Draw accuracy and gain against distance, a line for each policy")
      ->type_name("FILE.svg")
      ->group(kOutput);
  command_->footer(kFooter);
}

void RecallCommand::AddTrials() {
  constexpr char kTrials[] = "Trials";
  const auto add = [&](const char* name, auto& value, const char* help, const char* type) {
    command_->add_option(name, value, help)->type_name(type)->group(kTrials);
  };
  AddRepeatable(*command_, "--text", options_.texts,
                "A text file (- is stdin), or a folder of .txt files, that trials are made of; may be repeated", "PATH")
      ->group(kTrials);
  add("--kind", kind_, "fact, passage or both; default: both", "KIND");
  add("--distances", distances_, "Distances in tokens; default: 32,64,128,256,512,900, those that fit", "N,N..");
  add("--trials", options_.trials, "Trials of each kind at each distance; default: 100", "N");
  add("--candidates", options_.candidates, "fact: names or numbers to choose from, 2 to 20; default: 8", "N");
  add("--passage", options_.passage, "passage: its length in tokens; default: 32", "N");
  add("--lead", options_.lead, "Tokens of the text before what is said; default: 32", "N");
  add("--batch", options_.batch, "Questions that run together; changes speed and memory only; default: 8", "N");
  AddSeed(OptionGroup(*command_, kTrials), options_.run.seed, "the trials");
}

void RecallCommand::AddModels() {
  const OptionGroup add(*command_, "Models");
  AddModelList(add, options_.models);
  add.Each("--policy", options_.policies,
           "Beside dense: learned (on every model), window:N, sinks:S,N, strided:W,S, h2o:N (on the control); may be "
           "repeated; default: learned where a model has interaction tensors",
           "POLICY");
  AddThreshold(add, options_.run.threshold);
  AddRunOptions(add, options_.run);
}

std::optional<int> RecallCommand::Run(ToolIo& io) const {
  if (!command_->parsed()) return std::nullopt;
  RecallOptions options = options_;
  options.kinds = ParseKinds(kind_);
  if (!distances_.empty()) options.distances = ParseDistances(distances_);
  for (const std::string& policy : options.policies) ParsePolicy(policy);
  return RunRecall(options, io);
}

}  // namespace dcp::tools
