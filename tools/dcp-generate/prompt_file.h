// Prompts that were read before: --load-state and --save-state.
#ifndef DCP_TOOLS_DCP_GENERATE_PROMPT_FILE_H_
#define DCP_TOOLS_DCP_GENERATE_PROMPT_FILE_H_

#include <string>
#include <vector>

#include "common/files.h"
#include "common/tool.h"
#include "dcp-generate/prompts.h"
#include "dcp/prompt_state.h"
#include "dcp/session.h"
#include "dcp/tokenizer.h"

namespace dcp::tools {

// Throws dcp::Error naming the file when it cannot be read, is damaged, or was saved by something else.
PromptState LoadPromptFile(const std::string& path, Session& session, const Tokenizer* tokenizer, ToolIo& io);

// The prompt of the one request, read. Throws dcp::Error(kInvalidArgument) where there are several, or the one cannot
// run.
PromptState ReadOnlyPrompt(const std::vector<ToolRequest>& requests, Session& session);

void SavePromptFile(const PromptState& state, const Session& session, const Tokenizer* tokenizer, OutputFile& file);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_GENERATE_PROMPT_FILE_H_
