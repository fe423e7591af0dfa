// The results of a sweep as JSON, CSV, a table and plots.
#ifndef DCP_TOOLS_DCP_EVAL_SWEEP_REPORT_H_
#define DCP_TOOLS_DCP_EVAL_SWEEP_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/json.h"
#include "common/svg_plot.h"
#include "dcp-eval/scoring/texts.h"
#include "dcp-eval/sweep/row.h"

namespace dcp::tools {

struct SweepResult {
  WindowShape shape{0, 0};
  size_t windows = 0;   // scored by every row
  std::string weights;  // type
  std::string kv;       // type
  int threads = 0;
  ResampleUnits units;
  size_t bootstrap_samples = 0;
  uint64_t seed = 0;
  std::vector<PositionBucket> buckets;
  std::vector<SweepRow> rows;  // the dense control first
  bool complete = true;        // false: ended before all rows were done
};

// Fills the comparisons of every row. REQUIRES: rows are not empty.
void CompareRows(SweepResult& result);

Json SweepDocument(const SweepResult& result);
std::string SweepCsv(const SweepResult& result);
std::string SweepTable(const SweepResult& result);

// Perplexity, and its ratio to the dense control, against sparsity: one line a policy, the control as a level line.
Plot PlotSweep(const SweepResult& result);

// Perplexity by position, and its ratio to the dense control, one line a row.
Plot PlotPositions(const SweepResult& result);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SWEEP_REPORT_H_
