// dcp-finetune: teaches a GPT-2 what to forget.
#ifndef DCP_TOOLS_DCP_FINETUNE_FINETUNE_TOOL_H_
#define DCP_TOOLS_DCP_FINETUNE_FINETUNE_TOOL_H_

#include <span>
#include <string>

#include "common/tool.h"

namespace dcp::finetune {

// The whole tool: arguments (without the program's name) in, exit status out.
int FinetuneMain(std::span<const std::string> args, tools::ToolIo& io);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_FINETUNE_TOOL_H_
