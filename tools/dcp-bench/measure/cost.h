// The least that a step has to read and compute: what a roofline is about.
#ifndef DCP_TOOLS_DCP_BENCH_MEASURE_COST_H_
#define DCP_TOOLS_DCP_BENCH_MEASURE_COST_H_

#include "dcp/model_config.h"
#include "dcp/types.h"

namespace dcp::tools {

struct StepCost {
  double bytes = 0;  // every matrix once, and the cache once
  double flops = 0;  // two for each multiply-add of products, attention and interaction scores
};

// What the cache holds while a step runs, all layers and sequences together.
struct CacheLoad {
  double kept_slots = 0;
  double live_bytes = 0;
};

// One token for each of `batch` sequences. `interaction`: the policy reads scores.
StepCost DecodeCost(const ModelConfig& config, WeightType weights, bool interaction, int batch, const CacheLoad& cache);

// Of the matrix products of a prompt whose last token gets logits; attention is left out, which depends on what is
// kept.
double PrefillProductFlops(const ModelConfig& config, bool interaction, int tokens);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_MEASURE_COST_H_
