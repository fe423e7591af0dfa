// The rows of a run as a picture.
#ifndef DCP_TOOLS_DCP_BENCH_REPORT_PLOTS_H_
#define DCP_TOOLS_DCP_BENCH_REPORT_PLOTS_H_

#include "common/svg_plot.h"
#include "dcp-bench/result.h"

namespace dcp::tools {

// Three panels, one line for each policy (sparsity, weight type, KV type): tokens/s and reserved bytes against context
// at the largest batch, time per token against batch at the longest context. With drawn numbers of kept tokens two
// more: time per token against context and against kept tokens.
Plot PlotRun(const BenchRun& run);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_REPORT_PLOTS_H_
