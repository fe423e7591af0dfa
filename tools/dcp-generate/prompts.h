// Where dcp-generate's prompts come from.
#ifndef DCP_TOOLS_DCP_GENERATE_PROMPTS_H_
#define DCP_TOOLS_DCP_GENERATE_PROMPTS_H_

#include <optional>
#include <string>
#include <vector>

#include "common/tool.h"
#include "dcp-generate/options.h"

namespace dcp::tools {

// The ids of every prompt, in order; `model_source` names the model in messages. Throws dcp::Error naming the prompt
// (file and line for --input) when it is empty, malformed, or has an id outside the vocabulary.
std::vector<std::vector<TokenId>> ReadPrompts(const PromptSource& source, const ModelSource& model_source,
                                              const Model& model, const std::optional<Tokenizer>& tokenizer,
                                              ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_GENERATE_PROMPTS_H_
