// dcp-eval: what pruning costs in quality. One subcommand for each measure.
#ifndef DCP_TOOLS_DCP_EVAL_EVAL_TOOL_H_
#define DCP_TOOLS_DCP_EVAL_EVAL_TOOL_H_

#include <span>
#include <string>

#include "common/tool.h"

namespace dcp::tools {

// The whole tool: arguments (without the program's name) in, exit status out.
int EvalMain(std::span<const std::string> args, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_EVAL_TOOL_H_
