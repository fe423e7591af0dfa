// Where dcp-generate's prompts come from.
#ifndef DCP_TOOLS_DCP_GENERATE_PROMPTS_H_
#define DCP_TOOLS_DCP_GENERATE_PROMPTS_H_

#include <optional>
#include <string>
#include <vector>

#include "common/model_options.h"
#include "common/tool.h"

namespace dcp::tools {

// As given on the command line: exactly one of these is used.
struct PromptSource {
  std::vector<std::string> texts;        // --prompt
  std::optional<std::string> text_file;  // --prompt-file, or "-" on its own
  std::vector<std::string> id_lists;     // --prompt-ids
  std::optional<std::string> jsonl;      // --input
};

// Throws dcp::Error(kInvalidArgument) unless exactly one kind was given.
void CheckSource(const PromptSource& source);

// The ids of every prompt, in order; `options` names the model in messages. Throws dcp::Error naming the prompt (file
// and line for --input) when it is empty, malformed, or has an id outside the vocabulary.
std::vector<std::vector<TokenId>> ReadPrompts(const PromptSource& source, const ModelToolOptions& options,
                                              const Model& model, const std::optional<Tokenizer>& tokenizer,
                                              ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_GENERATE_PROMPTS_H_
