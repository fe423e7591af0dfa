// Several processes on one machine that train together: what --processes N does.
#ifndef DCP_TOOLS_DCP_FINETUNE_LAUNCHER_H_
#define DCP_TOOLS_DCP_FINETUNE_LAUNCHER_H_

#include <span>
#include <string>

#include "common/tool.h"

namespace dcp::finetune {

// Runs this program `processes` times with `args` and a rank each, the cores shared out when `threads` is 0, and waits
// for all. The first one speaks on this process's stdout and stderr, the others are silent. Returns the first one's
// exit status; when another one fails, the rest are ended and it throws dcp::Error(kInternal). Children do not outlive
// this process.
int RunProcesses(std::span<const std::string> args, int processes, int threads, tools::ToolIo& io);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_LAUNCHER_H_
