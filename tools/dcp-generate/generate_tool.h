// dcp-generate: prompts in, text out.
#ifndef DCP_TOOLS_DCP_GENERATE_GENERATE_TOOL_H_
#define DCP_TOOLS_DCP_GENERATE_GENERATE_TOOL_H_

#include <optional>
#include <span>
#include <string>

#include "common/model_options.h"
#include "common/tool.h"
#include "dcp-generate/prompts.h"
#include "dcp/generate.h"

namespace dcp::tools {

struct GenerateToolOptions {
  ModelToolOptions model;
  PromptSource source;
  GenerateOptions generate;  // the seed comes from `model`
  bool json = false;         // one JSON document on standard output instead of text
  std::optional<std::string> trace_file;
  std::optional<std::string> logits_file;
};

// Generates; throws dcp::Error. Returns kExitDone or kExitInterrupted.
int RunGenerate(const GenerateToolOptions& options, ToolIo& io);

// The whole tool: arguments (without the program's name) in, exit status out.
int GenerateMain(std::span<const std::string> args, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_GENERATE_GENERATE_TOOL_H_
