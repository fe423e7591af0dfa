#include "dcp-bench/measure/cost.h"

namespace dcp::tools {
namespace {

double BytesOfWeight(WeightType type) {
  switch (type) {
    case WeightType::kF32:
      return 4;
    case WeightType::kBF16:
    case WeightType::kF16:
      return 2;
    case WeightType::kI8:
      return 1 + 4.0 / 32;  // and a scale for every 32
    case WeightType::kI4:
      break;
  }
  return 0.5 + 2.0 / 32;
}

WeightType TypeOfLogits(WeightType type) { return type == WeightType::kI4 ? WeightType::kI8 : type; }

// Weights of the matrices that every token passes.
double LayerWeights(const ModelConfig& config, bool interaction) {
  const double c = config.n_embd;
  const double per_layer = 4 * c * c + 2 * c * config.n_inner + (interaction ? 2 * c * config.int_n_embd : 0);
  return config.n_layer * per_layer;
}

double LogitWeights(const ModelConfig& config) {
  return static_cast<double>(config.vocab_size) * static_cast<double>(config.n_embd);
}

}  // namespace

StepCost DecodeCost(const ModelConfig& config, WeightType weights, bool interaction, int batch,
                    const CacheLoad& cache) {
  const double layers = LayerWeights(config, interaction), logits = LogitWeights(config);
  const double flops_per_slot = 4.0 * config.n_embd + (interaction ? 2.0 * config.int_n_embd : 0);
  StepCost cost;
  cost.bytes = layers * BytesOfWeight(weights) + logits * BytesOfWeight(TypeOfLogits(weights)) + cache.live_bytes;
  cost.flops = 2 * batch * (layers + logits) + flops_per_slot * cache.kept_slots;
  return cost;
}

double PrefillProductFlops(const ModelConfig& config, bool interaction, int tokens) {
  return 2 * (tokens * LayerWeights(config, interaction) + LogitWeights(config));
}

}  // namespace dcp::tools
