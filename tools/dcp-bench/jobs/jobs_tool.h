// dcp-bench jobs: a queue of requests under a budget of memory.
#ifndef DCP_TOOLS_DCP_BENCH_JOBS_JOBS_TOOL_H_
#define DCP_TOOLS_DCP_BENCH_JOBS_JOBS_TOOL_H_

#include <span>
#include <string>

#include "common/tool.h"

namespace dcp::tools {

// Arguments behind "jobs" in, exit status out.
int BenchJobsMain(std::span<const std::string> args, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_JOBS_JOBS_TOOL_H_
