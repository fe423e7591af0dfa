// Where dcp-generate's prompts come from.
#ifndef DCP_TOOLS_DCP_GENERATE_PROMPTS_H_
#define DCP_TOOLS_DCP_GENERATE_PROMPTS_H_

#include <optional>
#include <string>
#include <vector>

#include "common/json.h"
#include "common/model_tokenizer.h"
#include "common/tool.h"
#include "dcp-generate/options.h"
#include "dcp/generate.h"

namespace dcp::tools {

// A prompt with what was asked for.
struct ToolRequest {
  GenerateRequest request;               // with an error where it is known that it cannot run
  std::string name;                      // in messages: "prompt 3", "in.jsonl:4"
  Json id;                               // the caller's name for it, given back in the results; null: none
  std::vector<std::string> score_texts;  // the first continuations as texts; the others were given as ids
};

// All requests, in order. They begin with `start` where there is one, which is the prompt itself where none is given,
// and has to outlive them. Throws dcp::Error for what is wrong with the whole: a file that cannot be read or is no JSON
// lines, ids that are no numbers, texts without a tokenizer. What is wrong with one request is its error.
std::vector<ToolRequest> ReadRequests(const GenerateToolOptions& options, const Model& model,
                                      const ModelTokenizer& tokenizer, const PromptState* start, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_GENERATE_PROMPTS_H_
