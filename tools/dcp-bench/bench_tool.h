// dcp-bench: how fast a model decodes, how many bytes its cache takes, and how far that is from what the machine can
// do.
#ifndef DCP_TOOLS_DCP_BENCH_BENCH_TOOL_H_
#define DCP_TOOLS_DCP_BENCH_BENCH_TOOL_H_

#include <span>
#include <string>

#include "common/tool.h"
#include "dcp-bench/options.h"

namespace dcp::tools {

// Measures and reports; throws dcp::Error. Returns kExitDone, or kExitFailure when --require-quiet was given and the
// machine is not.
int RunBench(const BenchOptions& options, ToolIo& io);

// The whole tool: arguments (without the program's name) in, exit status out.
int BenchMain(std::span<const std::string> args, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_BENCH_TOOL_H_
