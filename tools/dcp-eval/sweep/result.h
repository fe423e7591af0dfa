// What a sweep found.
#ifndef DCP_TOOLS_DCP_EVAL_SWEEP_RESULT_H_
#define DCP_TOOLS_DCP_EVAL_SWEEP_RESULT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "dcp-eval/scoring/texts.h"
#include "dcp-eval/sweep/resample_units.h"
#include "dcp-eval/sweep/row.h"

namespace dcp::tools {

struct SweepResult {
  WindowShape shape;
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

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SWEEP_RESULT_H_
