// dcp-generate: prompts in, text out.
#ifndef DCP_TOOLS_DCP_GENERATE_GENERATE_TOOL_H_
#define DCP_TOOLS_DCP_GENERATE_GENERATE_TOOL_H_

#include <span>
#include <string>

#include "common/tool.h"
#include "dcp-generate/options.h"

namespace dcp::tools {

// Generates; throws dcp::Error. Returns kExitDone or kExitInterrupted.
int RunGenerate(const GenerateToolOptions& options, ToolIo& io);

// The whole tool: arguments (without the program's name) in, exit status out.
int GenerateMain(std::span<const std::string> args, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_GENERATE_GENERATE_TOOL_H_
