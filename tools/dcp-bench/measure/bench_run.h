// Runs the cells: every policy, type, batch and context in turn, again and again.
#ifndef DCP_TOOLS_DCP_BENCH_MEASURE_BENCH_RUN_H_
#define DCP_TOOLS_DCP_BENCH_MEASURE_BENCH_RUN_H_

#include "common/tool.h"
#include "dcp-bench/options.h"
#include "dcp-bench/result.h"

namespace dcp::tools {

// All of a run but BenchRun::load_before. Throws dcp::Error for what the model cannot do, and Interrupted.
BenchRun MeasureCells(const BenchOptions& options, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_MEASURE_BENCH_RUN_H_
