#include "dcp-eval/recall/options.h"

#include <algorithm>

#include "common/corpus.h"
#include "common/option_group.h"
#include "dcp-eval/scoring/blocks.h"

namespace dcp::tools {
namespace {

void AddTrials(CLI::App& app, RecallOptions& options) {
  using Kinds = std::vector<RecallKind>;
  const OptionGroup add(app, "Trials");
  AddTexts(add, options.texts);
  add("--kind", options.kinds, "fact, passage or both; default: both", "KIND",
      OneOf<Kinds>({{"fact", {RecallKind::kFact}},
                    {"passage", {RecallKind::kPassage}},
                    {"both", {RecallKind::kFact, RecallKind::kPassage}}}));
  add.List("--distances", options.distances, "Distances in tokens; default: 32,64,128,256,512,900, those that fit",
           "N,N..", AtLeast(1));
  add("--trials", options.trials, "Trials of each kind at each distance; default: 100", "N", AtLeast(1));
  add("--candidates", options.shape.candidates, "fact: names or numbers to choose from, 2 to 20; default: 8", "N",
      Between(size_t{2}, kMaxCandidates));
  add("--passage", options.shape.passage, "passage: its length in tokens; default: 32", "N", AtLeast(size_t{2}));
  add("--lead", options.shape.lead, "Tokens of the text before what is said; default: 32", "N", AtLeast(size_t{1}));
  AddBatch(add, options.batch, "Questions");
  AddSeed(add, options.run.seed, "the trials");
}

void AddModels(CLI::App& app, RecallOptions& options) {
  const OptionGroup add(app, "Models");
  AddModelList(add, options.models);
  add.Each("--policy", options.policies,
           "Beside dense: learned (on every model), window:N, sinks:S,N, strided:W,S, h2o:N (on the control); may be "
           "repeated; default: learned where a model has interaction tensors",
           "POLICY", [](const std::string& text) {
             ParsePolicy(text);
             return text;
           });
  AddThreshold(add, options.run.threshold);
  AddRunOptions(add, options.run);
}

}  // namespace

void AddRecallOptions(CLI::App& app, RecallOptions& options) {
  AddTrials(app, options);
  AddModels(app, options);
  const OptionGroup add(app, "Output");
  add.Flag("--json", options.json, "One JSON document instead of a table");
  add("--plot", options.plot_file, "Draw accuracy and gain against distance, a line for each policy", "FILE.svg");
  AddResume(add, options.resume_file);
}

void CheckRecallOptions(const RecallOptions& options) {
  const auto& policies = options.policies;
  if (options.texts.empty()) {
    RejectInput("--text names what the trials are made of; none was given");
  }
  if (options.run.threshold && !policies.empty() && std::none_of(policies.begin(), policies.end(), IsLearned)) {
    RejectInput("--threshold moves the decision of the policy learned, which --policy does not list");
  }
}

bool IsLearned(const std::string& policy) { return ParsePolicy(policy).Has(PolicySpec::Kind::kLearned); }

}  // namespace dcp::tools
