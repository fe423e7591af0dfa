// dcp-serve: text over HTTP.
#ifndef DCP_TOOLS_DCP_SERVE_SERVE_TOOL_H_
#define DCP_TOOLS_DCP_SERVE_SERVE_TOOL_H_

#include <span>
#include <string>

#include "common/tool.h"
#include "dcp-serve/options.h"

namespace dcp::tools {

// Serves until io.interrupted; then ends what runs, or refuses it. Returns kExitDone; throws dcp::Error.
int RunServe(const ServeOptions& options, ToolIo& io);

// The whole tool: arguments (without the program's name) in, exit status out.
int ServeMain(std::span<const std::string> args, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_SERVE_SERVE_TOOL_H_
