// What was measured, and how it is written: rows for JSON, CSV, the table and the plots.
#ifndef DCP_TOOLS_DCP_BENCH_RESULTS_H_
#define DCP_TOOLS_DCP_BENCH_RESULTS_H_

#include <optional>
#include <string>
#include <vector>

#include "common/json.h"
#include "dcp-bench/engine.h"
#include "dcp-bench/machine.h"
#include "dcp-bench/plan.h"
#include "dcp-bench/roofline.h"

namespace dcp::tools {

// All repetitions of one cell.
struct CellSamples {
  std::vector<double> tokens_per_s;  // by repetition
  std::vector<double> step_seconds;  // by step, all repetitions
  std::vector<double> other_load;    // by repetition, where known
  int64_t peak_rss_bytes = 0;        // highest, less what other rows hold; 0: not known
  DecodeSample last;
};

// What all cells of an engine share.
struct EngineFacts {
  std::string policy;
  Draw drawn;
  bool interaction = false;  // the policy reads scores
  WeightType weights = WeightType::kF32;
  KvType kv = KvType::kF32;
  std::vector<double> prefill_seconds;  // by repetition
};

struct BenchRow {
  std::string policy;
  Draw drawn;
  int batch = 0;
  int context = 0;
  WeightType weights = WeightType::kF32;
  KvType kv = KvType::kF32;
  int threads = 0;
  double sparsity = 0;
  double kept_tokens = 0;  // of a layer of a sequence, mean over both and over the steps
  double prefill_tokens_per_s = 0, prefill_tokens_per_s_min = 0, prefill_tokens_per_s_max = 0;
  double prefill_share_of_fma_peak = 0;  // in the products alone
  double decode_tokens_per_s = 0, decode_tokens_per_s_min = 0, decode_tokens_per_s_max = 0;
  double ms_per_token_p50 = 0, ms_per_token_p95 = 0;  // one step: every sequence gets a token
  double kv_bytes_live = 0, kv_bytes_reserved = 0, kv_bytes_dense = 0;
  std::optional<double> peak_rss_bytes;
  double step_bytes = 0, step_flops = 0;
  double share_of_read_bandwidth = 0, share_of_fma_peak = 0;
  double share_of_roofline = 0;  // the larger of them
  std::optional<double> other_load;
};

struct BenchRun {
  MachineFacts machine;
  int threads = 0;
  Roofline roofline;
  std::optional<double> load_before;  // by others, just before the run
  std::string model;                  // as given
  ModelConfig config;
  int steps = 0;
  int repeats = 0;
  int prefill_tokens = 0;
  std::vector<BenchRow> rows;

  // Other work disturbed the run: before it, or during one of its rows.
  bool loaded() const;
};

// Adds the row of a cell to `run`, whose other members are complete.
void AddRow(const Cell& cell, const EngineFacts& engine, const CellSamples& samples, BenchRun& run);

// {"machine": {..}, "model": {..}, ..., "rows": [{..}], "growth": [{..}]}
Json RunDocument(const BenchRun& run);

// The rows as CSV with a header line; the names are those of the JSON document.
std::string RunCsv(const BenchRun& run);

// A few lines about the machine, the rows in columns, and how steps grow where the rows tell.
std::string RunTable(const BenchRun& run);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_RESULTS_H_
