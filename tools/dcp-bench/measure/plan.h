// The cells of a run, and the order in which they are measured.
#ifndef DCP_TOOLS_DCP_BENCH_MEASURE_PLAN_H_
#define DCP_TOOLS_DCP_BENCH_MEASURE_PLAN_H_

#include <cstddef>
#include <functional>
#include <vector>

#include "dcp-bench/measure/engine.h"
#include "dcp-bench/options.h"

namespace dcp::tools {

struct Cell {
  size_t engine = 0;
  int batch = 0;
  int context = 0;
};

// Every engine with every batch and context. What is to be compared with each other stands side by side: contexts
// vary slowest, then batches, then engines.
std::vector<Cell> MakeCells(size_t engines, const std::vector<int>& batches, const std::vector<int>& contexts);

// Calls measure(item, round) for every item in turn, `rounds` times over: what changes in the machine while the run
// lasts hits all items alike.
void Interleave(size_t items, int rounds, const std::function<void(size_t item, int round)>& measure);

// The contexts asked for, or those of 128, 512 and 960 that fit, or else the longest one that fits. Throws
// dcp::Error(kInvalidArgument) naming both numbers when one does not leave room for the steps.
std::vector<int> ResolveContexts(const BenchOptions& options, const ModelConfig& config);

// The policies asked for, `learned` once for each drawn sparsity where there are some. Throws
// dcp::Error(kInvalidArgument) when the model cannot run one of them.
std::vector<BenchPolicy> ResolvePolicies(const BenchOptions& options, const ModelConfig& config);

// "f32", .. of the models to be made; absent: as stored.
std::vector<std::optional<WeightType>> ResolveWeights(const BenchOptions& options);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_MEASURE_PLAN_H_
