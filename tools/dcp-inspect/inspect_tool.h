// dcp-inspect: what each layer forgot, when, and at whose word.
#ifndef DCP_TOOLS_DCP_INSPECT_INSPECT_TOOL_H_
#define DCP_TOOLS_DCP_INSPECT_INSPECT_TOOL_H_

#include <span>
#include <string>

#include "common/tool.h"
#include "dcp-inspect/options.h"

namespace dcp::tools {

// Inspects; throws dcp::Error. Returns an exit status.
int RunInspect(const InspectOptions& options, ToolIo& io);

// The whole tool: arguments (without the program's name) in, exit status out.
int InspectMain(std::span<const std::string> args, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_INSPECT_TOOL_H_
