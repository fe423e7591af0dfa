// Several processes on one machine that train together: what --processes N does.
#ifndef DCP_TOOLS_DCP_FINETUNE_LAUNCHER_H_
#define DCP_TOOLS_DCP_FINETUNE_LAUNCHER_H_

#include <filesystem>
#include <span>
#include <string>

#include "common/tool.h"
#include "dcp-finetune/train_options.h"

namespace dcp::finetune {

// A file for processes of this machine to find each other by, not there yet.
std::filesystem::path NewRendezvous();

// Runs this program with `args` and a rank each, as often as `exchange` says, the cores shared out when `threads` is 0,
// and waits for all. The first one speaks on this process's stdout and stderr, the others are silent. Returns the first
// one's exit status; when another one fails, the rest are ended and it throws dcp::Error(kInternal). Children do not
// outlive this process.
//
// SIGINT and SIGTERM ask all of them to end, whoever gets them and however often: a terminal signals the whole group,
// and so does a shell script or a supervisor that passes signals on. They are blocked here and in the processes from
// their start, so that none can be lost or kill; EndAsked() sees them. A SIGINT that comes when the first one is
// seconds old means that the user will not wait: it ends all at once.
int RunProcesses(std::span<const std::string> args, const ExchangeOptions& exchange, int threads, tools::ToolIo& io);

// Whether this process was asked to end: by ToolIo::interrupted, or by a blocked signal.
bool EndAsked(const tools::ToolIo& io);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_LAUNCHER_H_
