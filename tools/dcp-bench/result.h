// What dcp-bench measured: written by measure/, read by report/.
#ifndef DCP_TOOLS_DCP_BENCH_RESULT_H_
#define DCP_TOOLS_DCP_BENCH_RESULT_H_

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "dcp-bench/machine/machine.h"
#include "dcp-bench/machine/roofline.h"
#include "dcp/model_config.h"
#include "dcp/types.h"

namespace dcp::tools {

// How decisions are drawn, where they are: one of them is there.
struct Draw {
  std::optional<double> sparsity;
  std::optional<int> kept;
};

// The median of all repetitions, and the slowest and the fastest.
struct Spread {
  double median = 0, min = 0, max = 0;
};

struct BenchRow {
  std::string policy;
  Draw drawn;
  int batch = 0;
  int context = 0;
  WeightType weights = WeightType::kF32;
  KvType kv = KvType::kF32;
  double sparsity = 0;
  double kept_tokens = 0;  // of a layer of a sequence, mean over both and over the steps
  Spread prefill_tokens_per_s;
  double prefill_share_of_fma_peak = 0;  // in the products alone
  Spread decode_tokens_per_s;
  double ms_per_token_p50 = 0, ms_per_token_p95 = 0;  // one step: every sequence gets a token
  size_t kv_bytes_live = 0, kv_bytes_reserved = 0, kv_bytes_dense = 0;
  std::optional<int64_t> peak_rss_bytes;  // less what other rows hold
  double step_bytes = 0, step_flops = 0;
  double share_of_read_bandwidth = 0, share_of_fma_peak = 0;
  std::optional<double> other_load;
};

struct BenchRun {
  MachineFacts machine;
  int threads = 0;
  Roofline roofline;
  std::optional<AnonymousMemory> memory;  // when it was most, all rows together
  std::optional<double> load_before;      // by others, just before the run
  std::string model;                      // as given
  ModelConfig config;
  int steps = 0;
  int repeats = 0;
  int prefill_tokens = 0;
  std::vector<BenchRow> rows;

  // Other work disturbed the run: before it, or during one of its rows.
  bool loaded() const {
    const auto disturbed = [](const BenchRow& row) { return row.other_load.value_or(0) > kVisibleLoad; };
    return load_before.value_or(0) > kVisibleLoad || std::any_of(rows.begin(), rows.end(), disturbed);
  }
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_RESULT_H_
