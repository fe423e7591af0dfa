#include "dcp-bench/measure/plan.h"

#include <algorithm>

#include "dcp-bench/measure/drawn_policy.h"
#include "dcp/error.h"

namespace dcp::tools {
namespace {

BenchPolicy AsAsked(PolicySpec spec, const BenchOptions& options, int positions) {
  spec.max_kept = options.max_kept;
  if (spec.Has(PolicySpec::Kind::kLearned)) spec.threshold = options.threshold.value_or(0.0f);
  const auto policy = MakePolicy(spec, positions);
  return {policy->name(), {}, policy, policy};
}

BenchPolicy Drawn(const Draw& draw, int positions) {
  const DrawnPolicy policy =
      draw.kept ? DrawnPolicy::WithKept(*draw.kept, positions) : DrawnPolicy::WithSparsity(*draw.sparsity, positions);
  return {"learned", draw, std::make_shared<DrawnPolicy>(policy), MakeScoringPolicy()};
}

}  // namespace

std::vector<Cell> MakeCells(size_t engines, const std::vector<int>& batches, const std::vector<int>& contexts) {
  std::vector<Cell> cells;
  for (const int context : contexts) {
    for (const int batch : batches) {
      for (size_t engine = 0; engine < engines; ++engine) cells.push_back({engine, batch, context});
    }
  }
  return cells;
}

void Interleave(size_t items, int rounds, const std::function<void(size_t item, int round)>& measure) {
  for (int round = 0; round < rounds; ++round) {
    for (size_t item = 0; item < items; ++item) measure(item, round);
  }
}

std::vector<int> ResolveContexts(const BenchOptions& options, const ModelConfig& config) {
  const int longest = config.n_positions - options.steps;
  const std::string limit = std::to_string(options.steps) + " steps after them exceed the model's " +
                            std::to_string(config.n_positions) + " positions";
  if (longest < 1) throw Error(ErrorCode::kInvalidArgument, "--steps: 1 token and " + limit);
  std::vector<int> contexts = options.contexts;
  if (contexts.empty()) {
    for (const int context : {128, 512, 960}) {
      if (context <= longest) contexts.push_back(context);
    }
    if (contexts.empty()) contexts.push_back(longest);
  }
  if (contexts.back() > longest) {
    throw Error(ErrorCode::kInvalidArgument, "--context: " + std::to_string(contexts.back()) + " tokens and " + limit);
  }
  return contexts;
}

std::vector<BenchPolicy> ResolvePolicies(const BenchOptions& options, const ModelConfig& config) {
  std::vector<PolicySpec> specs = options.policies;
  if (specs.empty()) {
    specs.push_back(ParsePolicy("dense"));
    if (config.int_n_embd > 0 || options.draws()) specs.push_back(ParsePolicy("learned"));
  }
  std::vector<BenchPolicy> policies;
  for (const PolicySpec& spec : specs) {
    if (spec.Has(PolicySpec::Kind::kLearned) && config.int_n_embd == 0) {
      throw Error(ErrorCode::kInvalidArgument,
                  "policy \"learned\" needs interaction tensors, the model has none (int_n_embd is 0)");
    }
    const bool all_learned = spec.kind == PolicySpec::Kind::kLearned && spec.layers.empty() && spec.others.empty();
    if (!all_learned || !options.draws()) {
      policies.push_back(AsAsked(spec, options, config.n_positions));
      continue;
    }
    for (const double sparsity : options.sparsities) policies.push_back(Drawn({sparsity, {}}, config.n_positions));
    for (const int kept : options.kept) policies.push_back(Drawn({{}, kept}, config.n_positions));
  }
  return policies;
}

std::vector<std::optional<WeightType>> ResolveWeights(const BenchOptions& options) {
  if (!options.weights.empty()) return {options.weights.begin(), options.weights.end()};
  if (options.shape) return {WeightType::kF32};
  return {std::nullopt};
}

}  // namespace dcp::tools
