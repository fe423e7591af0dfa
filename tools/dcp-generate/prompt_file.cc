#include "dcp-generate/prompt_file.h"

#include <sstream>
#include <utility>

#include "dcp/error.h"

namespace dcp::tools {

PromptState LoadPromptFile(const std::string& path, Session& session, const Tokenizer* tokenizer, ToolIo& io) {
  std::istringstream content(ReadAll(path, io));
  try {
    return LoadPromptState(session, tokenizer, content);
  } catch (const Error& error) {
    throw Error(error.code(), DisplayName(path) + ": " + error.what());
  }
}

PromptState ReadOnlyPrompt(const std::vector<ToolRequest>& requests, Session& session) {
  if (requests.size() != 1) {
    throw Error(ErrorCode::kInvalidArgument,
                "--save-state: there are " + std::to_string(requests.size()) + " prompts, it saves a single one");
  }
  const GenerateRequest& request = requests[0].request;
  if (!request.error.empty()) throw Error(ErrorCode::kInvalidArgument, requests[0].name + ": " + request.error);
  try {
    return ReadPrompt(session, PreparePrompt(request, session.model().config()), request.start);
  } catch (const Error& error) {
    throw Error(error.code(), requests[0].name + ": " + error.what());
  }
}

void SavePromptFile(const PromptState& state, const Session& session, const Tokenizer* tokenizer, OutputFile& file) {
  std::ostringstream content;
  SavePromptState(session, state, tokenizer, content);
  file.Commit(std::move(content).str());
}

}  // namespace dcp::tools
