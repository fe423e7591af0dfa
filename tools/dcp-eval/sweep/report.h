// The results of a sweep as JSON, CSV, a table and plots.
#ifndef DCP_TOOLS_DCP_EVAL_SWEEP_REPORT_H_
#define DCP_TOOLS_DCP_EVAL_SWEEP_REPORT_H_

#include <string>

#include "common/json.h"
#include "common/svg_plot.h"
#include "dcp-eval/sweep/result.h"

namespace dcp::tools {

Json SweepDocument(const SweepResult& result);
std::string SweepCsv(const SweepResult& result);
std::string SweepTable(const SweepResult& result);

// Perplexity, and its ratio to the dense control, against sparsity: one line a policy, the control as a level line.
Plot PlotSweep(const SweepResult& result);

// Perplexity by position, and its ratio to the dense control, one line a row.
Plot PlotPositions(const SweepResult& result);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SWEEP_REPORT_H_
