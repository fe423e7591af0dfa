#include "dcp-bench/options.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "common/tool.h"
#include "dcp/error.h"

namespace dcp::tools {
namespace {

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

std::vector<std::string> SplitList(const std::string& option, std::string_view list) {
  std::vector<std::string> parts;
  while (true) {
    const size_t comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (parts.back().empty()) Reject(option + ": an entry of the list is empty");
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

template <typename T>
T ParseNumber(const std::string& option, const std::string& text, const std::string& expected) {
  T value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    Reject(option + ": \"" + text + "\" is not " + expected);
  }
  return value;
}

// What `parse` makes of each entry, without repetitions, in the order given.
template <typename T, typename Parse>
std::vector<T> ParseList(const std::string& option, const std::string& list, const Parse& parse) {
  std::vector<T> values;
  for (const std::string& text : SplitList(option, list)) {
    const T value = parse(text);
    if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
  }
  return values;
}

std::vector<double> ParseSparsities(const std::string& list) {
  std::vector<double> values = ParseList<double>("--sparsity", list, [](const std::string& text) {
    const double value = ParseNumber<double>("--sparsity", text, "a number");
    if (!(value >= 0 && value <= 0.999)) Reject("--sparsity: " + text + " is not between 0 and 0.999");
    return value;
  });
  std::sort(values.begin(), values.end());
  return values;
}

bool IsLearned(const PolicySpec& spec) { return spec.kind == PolicySpec::Kind::kLearned; }

void ReadPolicies(const std::vector<std::string>& lists, BenchOptions& options) {
  std::set<std::string> names;
  for (const std::string& list : lists) {
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
  if (!options.sparsities.empty() && !options.kept.empty()) Reject("give either --sparsity or --kept");
  const bool drawn = options.draws();
  const std::string draw = options.kept.empty() ? "--sparsity" : "--kept";
  if (drawn && options.threshold) Reject("give either " + draw + " or --threshold: drawn decisions have no threshold");
  if (drawn && options.max_kept > 0) Reject("give either " + draw + " or --max-kept: drawn decisions have no cap");
  if (options.policies.empty() || std::any_of(options.policies.begin(), options.policies.end(), IsLearned)) return;
  if (options.threshold) Reject("--threshold moves the decision of the policy learned, which --policy does not list");
  if (drawn) Reject(draw + " draws the decisions of the policy learned, which --policy does not list");
}

std::vector<int> ParseKept(const std::string& list) {
  std::vector<int> values = ParseCounts("--kept", list);
  if (values[0] < 2) Reject("--kept is " + std::to_string(values[0]) + ", at least 2 is needed");
  return values;
}

void RequireAtLeastOne(const char* option, int value) {
  if (value < 1) Reject(std::string(option) + " is " + std::to_string(value) + ", at least 1 is needed");
}

}  // namespace

std::vector<int> ParseCounts(const std::string& option, const std::string& list) {
  std::vector<int> values = ParseList<int>(option, list, [&](const std::string& text) {
    const int value = ParseNumber<int>(option, text, "a whole number");
    RequireAtLeastOne(option.c_str(), value);
    return value;
  });
  std::sort(values.begin(), values.end());
  return values;
}

std::vector<std::string> SplitPolicies(std::string_view list) {
  std::vector<std::string> names;
  size_t begin = 0;
  for (size_t i = 0; i <= list.size(); ++i) {
    const bool ends =
        i == list.size() || (list[i] == ',' && (i + 1 == list.size() || list[i + 1] < '0' || list[i + 1] > '9'));
    if (!ends) continue;
    names.emplace_back(list.substr(begin, i - begin));
    begin = i + 1;
  }
  return names;
}

ModelConfig ParseShape(const std::string& text, int int_dim) {
  static const std::map<std::string, std::string> kPresets = {{"gpt2", "12,12,768,1024,50257"},
                                                              {"gpt2-medium", "24,16,1024,1024,50257"},
                                                              {"gpt2-large", "36,20,1280,1024,50257"},
                                                              {"gpt2-xl", "48,25,1600,1024,50257"}};
  const auto preset = kPresets.find(text);
  std::vector<int> numbers;
  for (const std::string& part : SplitList("--shape", preset != kPresets.end() ? preset->second : text)) {
    numbers.push_back(
        ParseNumber<int>("--shape " + text, part, "gpt2, gpt2-medium, gpt2-large, gpt2-xl or five numbers L,H,C,P,V"));
  }
  if (numbers.size() != 5) {
    Reject("--shape " + text + ": has " + std::to_string(numbers.size()) + " numbers, L,H,C,P,V are 5");
  }
  ModelConfig config;
  config.n_layer = numbers[0];
  config.n_head = numbers[1];
  config.n_embd = numbers[2];
  config.n_inner = 4 * std::clamp(numbers[2], 0, 1 << 24);
  config.n_positions = numbers[3];
  config.vocab_size = numbers[4];
  config.int_n_embd = int_dim;
  config.Validate("--shape " + text);
  return config;
}

BenchOptions MakeBenchOptions(const BenchArguments& arguments) {
  BenchOptions options = arguments.rest;
  options.model = arguments.model;
  options.adapter = arguments.adapter;
  options.shape_text = arguments.shape;
  if (options.model.empty() == options.shape_text.empty()) Reject("give either --model or --shape");
  if (!options.adapter.empty() && options.model.empty()) Reject("--adapter needs --model");
  if (arguments.int_dim < 0) Reject("--int-dim is " + std::to_string(arguments.int_dim) + ", at least 0 is needed");
  if (!options.shape_text.empty()) options.shape = ParseShape(options.shape_text, arguments.int_dim);

  if (!arguments.batch.empty()) options.batches = ParseCounts("--batch", arguments.batch);
  if (!arguments.context.empty()) options.contexts = ParseCounts("--context", arguments.context);
  if (!arguments.sparsity.empty()) options.sparsities = ParseSparsities(arguments.sparsity);
  if (!arguments.kept.empty()) options.kept = ParseKept(arguments.kept);
  if (!arguments.weights.empty()) {
    options.weights =
        ParseList<WeightType>("--weights", arguments.weights, [](const std::string& t) { return ParseWeightType(t); });
  }
  if (!arguments.kv.empty()) {
    options.kv = ParseList<KvType>("--kv", arguments.kv, [](const std::string& t) { return ParseKvType(t); });
  }
  ReadPolicies(arguments.policies, options);
  CheckPolicies(options);
  RequireAtLeastOne("--steps", options.steps);
  RequireAtLeastOne("--repeats", options.repeats);
  RequireAtLeastOne("--prefill", options.prefill);
  return options;
}

void AddBenchOptions(CLI::App& app, BenchArguments& arguments) {
  const auto add = [&](const char* group, const char* name, auto& value, const char* help, const char* type) {
    return app.add_option(name, value, help)->type_name(type)->group(group);
  };
  constexpr char kModel[] = "Model";
  add(kModel, "--model", arguments.model, "Hugging Face GPT-2 directory", "DIR");
  add(kModel, "--adapter", arguments.adapter, "Adapter directory put on top of the model", "DIR");
  add(kModel, "--shape", arguments.shape,
      "Random weights of this shape instead: gpt2, gpt2-medium, gpt2-large, gpt2-xl, or layers, heads, width, "
      "positions, vocabulary",
      "NAME|L,H,C,P,V");
  add(kModel, "--int-dim", arguments.int_dim, "Interaction width of --shape; default: 64; 0: none", "R");

  constexpr char kCells[] = "Cells (every combination is measured)";
  add(kCells, "--batch", arguments.batch, "Sequences decoded together; default: 1,8,32", "N,N..");
  add(kCells, "--context", arguments.context,
      "Tokens each sequence has seen when a repetition begins; default: 128,512,960, those that fit", "N,N..");
  AddRepeatable(app, "--policy", arguments.policies,
                "dense, learned, window:N, sinks:S,N, strided:W,S, h2o:N, or a list of them; may be repeated; "
                "default: dense, and learned if the model has interaction tensors",
                "POLICY,..")
      ->group(kCells);
  add(kCells, "--sparsity", arguments.sparsity,
      "Shares of the context, 0 to 0.999, that `learned` drops from each layer: decisions are drawn, all of the work is "
      "done",
      "X,X..");
  add(kCells, "--kept", arguments.kept,
      "Numbers of tokens that `learned` keeps in each layer, whatever the context: drawn likewise; at least 2",
      "N,N..");
  add(kCells, "--threshold", arguments.rest.threshold,
      "learned: drop a token when its score is at most TAU; default: 0, as trained", "TAU");
  add(kCells, "--max-kept", arguments.rest.max_kept, "Cap on the kept tokens of every layer; default: 0, no cap", "N");
  add(kCells, "--weights", arguments.weights,
      "How weights are held: f32, bf16, f16, i8; default: as stored, f32 for --shape", "TYPE,..");
  add(kCells, "--kv", arguments.kv, "How K and V are held: f32, f16; default: f32", "TYPE,..");

  constexpr char kMeasure[] = "Measuring";
  add(kMeasure, "--steps", arguments.rest.steps, "Decode steps of a repetition; default: 16", "N");
  add(kMeasure, "--repeats", arguments.rest.repeats, "Repetitions of every cell, in turn; default: 5", "N");
  add(kMeasure, "--prefill", arguments.rest.prefill, "Tokens of a prefill repetition; default: 512, at most P", "N");
  add(kMeasure, "--threads", arguments.rest.threads, "Threads; default: all cores", "N");
  add(kMeasure, "--seed", arguments.rest.seed, "Seed of weights and token ids; default: 0", "N");
  app.add_flag("--require-quiet", arguments.rest.require_quiet,
               "Refuse (exit status 1) when other work takes more than 10 % of the machine; default: say so and go on")
      ->group(kMeasure);

  constexpr char kOutput[] = "Output";
  add(kOutput, "--json", arguments.rest.json_file, "Write all results as JSON; no FILE, or -: to standard output",
      "FILE")
      ->expected(0, 1)
      ->default_str("-");
  add(kOutput, "--csv", arguments.rest.csv_file, "Write the rows as CSV", "FILE");
  add(kOutput, "--plot", arguments.rest.plot_file, "Draw speed and bytes against context, time against batch",
      "FILE.svg");
}

}  // namespace dcp::tools
