#include "dcp-bench/options.h"

#include <algorithm>
#include <map>
#include <set>

#include "common/option_group.h"
#include "common/report_file.h"

namespace dcp::tools {
namespace {

void AddModel(CLI::App& app, BenchOptions& options) {
  const OptionGroup add(app, "Model");
  AddModelSource(add, options.source);
  add("--shape", options.shape_text,
      "Random weights of this shape instead: gpt2, gpt2-medium, gpt2-large, gpt2-xl, or layers, heads, width, "
      "positions, vocabulary",
      "NAME|L,H,C,P,V");
  add("--int-dim", options.int_dim, "Interaction width of --shape; default: 64; 0: none", "R", AtLeast(0));
}

void AddCells(CLI::App& app, BenchOptions& options) {
  const OptionGroup add(app, "Cells (every combination is measured)");
  add.List("--batch", options.batches, "Sequences decoded together; default: 1,8,32", "N,N..", AtLeast(1));
  add.List("--context", options.contexts,
           "Tokens each sequence has seen when a repetition begins; default: 128,512,960, those that fit", "N,N..",
           AtLeast(1));
  add.Each(
      "--policy", options.policy_lists,
      std::string(kPolicies) + " (" + kPolicyGrammar +
          "; of the model's positions), or a list of them; may be repeated; default: dense, and learned if the model "
          "has interaction tensors",
      "POLICY,..");
  add.List("--sparsity", options.sparsities,
           "Shares of the context, 0 to 0.999, that `learned` drops from each layer: decisions are drawn, all of the "
           "work is done",
           "X,X..", Between(0.0, 0.999));
  add.List("--kept", options.kept,
           "Numbers of tokens that `learned` keeps in each layer, whatever the context: drawn likewise; at least 2",
           "N,N..", AtLeast(2));
  AddThreshold(add, options.threshold);
  AddMaxKept(add, options.max_kept);
  add.List("--weights", options.weights, std::string(kWeightsHelp) + ", f32 for --shape", "TYPE,..", ParseWeightType);
  add.List("--kv", options.kv, kKvHelp, "TYPE,..", ParseKvType);
}

void AddMeasuring(CLI::App& app, BenchOptions& options) {
  const OptionGroup add(app, "Measuring");
  add("--steps", options.steps, "Decode steps of a repetition; default: 16", "N", AtLeast(1));
  add("--repeats", options.repeats, "Repetitions of every cell, in turn; default: 5", "N", AtLeast(1));
  add("--prefill", options.prefill, "Tokens of a prefill repetition; default: 512, at most P", "N", AtLeast(1));
  add("--threads", options.threads, kThreadsHelp, "N");
  AddSimd(add, options.simd);
  AddSeed(add, options.seed, "weights and token ids");
  add.Flag("--require-quiet", options.require_quiet,
           "Refuse (exit status 1) when other work takes more than 10 % of the machine; default: say so and go on");
}

void AddOutput(CLI::App& app, BenchOptions& options) {
  const OptionGroup add(app, "Output");
  AddJsonFile(add, options.json_file, "Write all results as JSON; no FILE, or -: to standard output");
  add("--csv", options.csv_file, "Write the rows as CSV", "FILE");
  add("--plot", options.plot_file, "Draw speed and bytes against context, time against batch", "FILE.svg");
}

bool IsLearned(const PolicySpec& spec) { return spec.Has(PolicySpec::Kind::kLearned); }

void ReadPolicies(BenchOptions& options) {
  std::set<std::string> names;
  for (const std::string& list : options.policy_lists) {
    for (const std::string& name : SplitPolicies(list)) {
      const PolicySpec spec = ParsePolicy(name);
      if (names.insert(name).second) options.policies.push_back(spec);
    }
  }
}

// Options that say more about policies must find policies that they say it about.
void CheckPolicies(const BenchOptions& options) {
  PolicySpec probe;
  probe.kind = PolicySpec::Kind::kLearned;
  probe.threshold = options.threshold.value_or(0.0f);
  probe.max_kept = options.max_kept;
  MakePolicy(probe);  // checks the numbers
  if (!options.sparsities.empty() && !options.kept.empty()) RejectInput("give either --sparsity or --kept");
  const bool drawn = options.draws();
  const std::string draw = options.kept.empty() ? "--sparsity" : "--kept";
  if (drawn && options.threshold)
    RejectInput("give either " + draw + " or --threshold: drawn decisions have no threshold");
  if (drawn && options.max_kept > 0) RejectInput("give either " + draw + " or --max-kept: drawn decisions have no cap");
  if (options.policies.empty() || std::any_of(options.policies.begin(), options.policies.end(), IsLearned)) return;
  if (options.threshold)
    RejectInput("--threshold moves the decision of the policy learned, which --policy does not list");
  if (drawn) RejectInput(draw + " draws the decisions of the policy learned, which --policy does not list");
}

}  // namespace

std::vector<std::string> SplitPolicies(std::string_view list) {
  std::vector<std::string> names;
  for (const std::string& part : SplitList(list)) {
    if (!names.empty() && !part.empty() && part[0] >= '0' && part[0] <= '9') {
      names.back() += ',' + part;
    } else {
      names.push_back(part);
    }
  }
  return names;
}

ModelConfig ParseShape(const std::string& text, int int_dim) {
  static const std::map<std::string, std::string> kPresets = {{"gpt2", "12,12,768,1024,50257"},
                                                              {"gpt2-medium", "24,16,1024,1024,50257"},
                                                              {"gpt2-large", "36,20,1280,1024,50257"},
                                                              {"gpt2-xl", "48,25,1600,1024,50257"}};
  const std::string source = "--shape " + text;
  const auto preset = kPresets.find(text);
  std::vector<int> numbers;
  try {
    for (const std::string& part : SplitList(preset != kPresets.end() ? preset->second : text)) {
      numbers.push_back(ReadNumber<int>(part));
    }
  } catch (const Error& error) {
    RejectInput(source + ": " + error.what() + "; expected gpt2, gpt2-medium, gpt2-large, gpt2-xl or L,H,C,P,V");
  }
  if (numbers.size() != 5)
    RejectInput(source + ": has " + std::to_string(numbers.size()) + " numbers, L,H,C,P,V are 5");
  ModelConfig config;
  config.n_layer = numbers[0];
  config.n_head = numbers[1];
  config.n_embd = numbers[2];
  config.n_inner = 4 * std::clamp(numbers[2], 0, 1 << 24);
  config.n_positions = numbers[3];
  config.vocab_size = numbers[4];
  config.int_n_embd = int_dim;
  config.Validate(source);
  return config;
}

void AddBenchOptions(CLI::App& app, BenchOptions& options) {
  AddModel(app, options);
  AddCells(app, options);
  AddMeasuring(app, options);
  AddOutput(app, options);
}

void ResolveBenchOptions(BenchOptions& options) {
  if (options.source.model.empty() == options.shape_text.empty()) RejectInput("give either --model or --shape");
  if (!options.source.adapter.empty() && options.source.model.empty()) RejectInput("--adapter needs --model");
  if (!options.shape_text.empty()) options.shape = ParseShape(options.shape_text, options.int_dim);
  std::sort(options.batches.begin(), options.batches.end());
  std::sort(options.contexts.begin(), options.contexts.end());
  std::sort(options.sparsities.begin(), options.sparsities.end());
  std::sort(options.kept.begin(), options.kept.end());
  ReadPolicies(options);
  CheckPolicies(options);
}

}  // namespace dcp::tools
