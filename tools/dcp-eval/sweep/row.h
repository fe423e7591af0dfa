// One row of a sweep: what was measured of one model under one policy, over all windows.
#ifndef DCP_TOOLS_DCP_EVAL_SWEEP_ROW_H_
#define DCP_TOOLS_DCP_EVAL_SWEEP_ROW_H_

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/bootstrap.h"
#include "common/json.h"
#include "common/windows.h"
#include "dcp-eval/scoring/model_list.h"
#include "dcp-eval/scoring/summary.h"
#include "dcp-eval/sweep/resample_units.h"
#include "dcp/eviction_policy.h"

namespace dcp::tools {

// What is to be measured.
struct SweepJob {
  enum class Role { kControl, kDense, kLearned, kBaseline };  // kControl: the dense control, row 0
  Role role = Role::kControl;
  ModelEntry model;
  PolicySpec policy;
  std::vector<size_t> matched_to;  // learned rows whose kept tokens it was given; indices of rows
  std::vector<double> budgets;     // sparsities it was given
};

struct SweepRow {
  SweepJob job;
  std::string policy;  // as the policy names itself
  PerplexityReport report;
  double kept = 0;  // tokens, mean over layers and scored tokens
  size_t kv_bytes_reserved = 0;
  size_t kv_bytes_dense = 0;
  double tokens_per_s = 0;       // fed
  std::vector<Ratio> units;      // [ResampleUnits::count] NLL over tokens
  std::vector<Ratio> positions;  // [buckets] the same

  // Beside row 0, once all rows are there.
  Estimate perplexity;
  Estimate ratio;  // of perplexities
};

// exp of the mean; NaN for no tokens.
inline double PerplexityOf(const Ratio& nll) { return std::exp(nll.value()); }

// Tokens are told apart by the position, in its window, of the token that predicts them: the number of tokens before
// it.
struct PositionBucket {
  size_t from = 0;
  size_t to = 0;  // the last one in it
};
// 0-63, 64-127, 128-255, 256-511, and so on in steps of 256, those that a window of `context` tokens has.
std::vector<PositionBucket> PositionBuckets(size_t context);

// Sums up `scored`, every window of which is done. Fills report, kept, bytes, units and positions.
void SumUp(std::span<const Window> windows, const ScoredWindows& scored, const ResampleUnits& units,
           std::span<const PositionBucket> buckets, SweepRow& row);

// What was measured, without job and comparisons: all of it, so that a row reads back as it was written.
Json MeasuredToJson(const SweepRow& row);
// Throws Json::exception when something is missing.
void MeasuredFromJson(const Json& json, SweepRow& row);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SWEEP_ROW_H_
