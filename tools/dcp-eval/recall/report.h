// What a recall test found, for programs and for people.
#ifndef DCP_TOOLS_DCP_EVAL_RECALL_REPORT_H_
#define DCP_TOOLS_DCP_EVAL_RECALL_REPORT_H_

#include <string>

#include "common/json.h"
#include "dcp-eval/recall/options.h"
#include "dcp-eval/recall/result.h"

namespace dcp::tools {

// {"trials", .., "rows": [{"kind", "policy", "model", "distance", "nll_gain", "nll_gain_stderr", ..}]}; NLLs are
// natural logarithms, "lost" is by how much the gain is less than that of the dense row, in the same trials.
Json RecallDocument(const RecallOptions& options, const RecallResult& result);

std::string RecallTable(const RecallResult& result);

// A whole SVG: accuracy and gain against distance, a line for each policy; bars are one standard error.
std::string RecallSvg(const RecallOptions& options, const RecallResult& result);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_RECALL_REPORT_H_
