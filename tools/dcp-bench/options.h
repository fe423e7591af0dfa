// What dcp-bench is asked to measure.
#ifndef DCP_TOOLS_DCP_BENCH_OPTIONS_H_
#define DCP_TOOLS_DCP_BENCH_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/model_options.h"
#include "dcp/eviction_policy.h"
#include "dcp/model_config.h"
#include "dcp/types.h"

namespace dcp::tools {

struct BenchOptions {
  // The model: a directory, or a shape with random weights; exactly one of them.
  ModelSource source;
  std::string shape_text;            // as given
  int int_dim = 64;                  // R of the shape
  std::optional<ModelConfig> shape;  // what shape_text and int_dim say

  // The cells: every combination of these. Numbers rise.
  std::vector<int> batches = {1, 8, 32};
  std::vector<int> contexts;              // tokens seen by each sequence; empty: of 128, 512 and 960 those that fit
  std::vector<std::string> policy_lists;  // as given
  std::vector<PolicySpec> policies;       // in them; empty: dense, and learned if the model has interaction tensors
  std::optional<float> threshold;         // of learned
  int max_kept = 0;                       // of every policy; 0: no cap
  std::vector<double> sparsities;   // drawn decisions take the place of `learned`, once for each; empty: as trained
  std::vector<int> kept;            // the same with a number of kept tokens; not both
  std::vector<WeightType> weights;  // empty: as stored; f32 for a shape
  std::vector<KvType> kv = {KvType::kF32};

  int steps = 16;                   // decode steps of a repetition
  int repeats = 5;                  // repetitions
  int prefill = 512;                // tokens of a prefill repetition; at most P of them
  int threads = 0;                  // 0: all cores
  std::optional<std::string> simd;  // absent: the best one
  uint64_t seed = 0;
  bool require_quiet = false;

  // The decisions of `learned` are drawn.
  bool draws() const { return !sparsities.empty() || !kept.empty(); }

  std::optional<std::string> json_file;  // "-": standard output; the table then goes to stderr
  std::optional<std::string> csv_file;
  std::optional<std::string> plot_file;
};

void AddBenchOptions(CLI::App& app, BenchOptions& options);

// Fills in `shape` and `policies` and sorts the lists. Throws dcp::Error(kInvalidArgument | kInvalidModel) for options
// that do not go together.
void ResolveBenchOptions(BenchOptions& options);

// "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl" or "L,H,C,P,V", with `int_dim` for R.
ModelConfig ParseShape(const std::string& text, int int_dim);

// "dense,sinks:4,252,h2o:64" -> {"dense", "sinks:4,252", "h2o:64"}: a comma ends a policy where a letter follows.
std::vector<std::string> SplitPolicies(std::string_view list);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_OPTIONS_H_
