// Tools that share their work when mpirun or srun starts several of them.
#ifndef DCP_TOOLS_COMMON_RANKS_RUN_ON_RANKS_H_
#define DCP_TOOLS_COMMON_RANKS_RUN_ON_RANKS_H_

#include <span>
#include <string>

#include "common/tool.h"

namespace dcp::tools {

// Runs a tool: alone, or, where the environment says that a launcher started several processes, as one of the ranks,
// which Ranks::Ours() then is. Rank 0 has the streams of the whole; standard input is that of rank 0 for all; of the
// others only an error is heard, as "tool: rank 3: ...". A rank that fails ends all of them with its status. Where the
// component that speaks MPI is missing, or the launcher and it do not know each other, that is an error: so many tools
// that know nothing of each other would overwrite each other's results.
int RunOnRanks(int (*tool)(std::span<const std::string> args, ToolIo& io), const char* name,
               std::span<const std::string> args, ToolIo& io);

// How many processes a launcher started, by its environment: 0 where there is none or it started one alone, -1 where it
// does not say. `get` is std::getenv but in tests.
int LaunchedProcesses(const char* (*get)(const char* name));

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_RANKS_RUN_ON_RANKS_H_
