// What dcp-generate is asked to do.
#ifndef DCP_TOOLS_DCP_GENERATE_OPTIONS_H_
#define DCP_TOOLS_DCP_GENERATE_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "common/model_options.h"
#include "common/request_options.h"
#include "common/schedule_options.h"
#include "common/text_options.h"

namespace CLI {
class App;
}  // namespace CLI

namespace dcp::tools {

// Where the prompts come from: exactly one kind is used.
struct PromptSource {
  std::vector<std::string> texts;        // --prompt
  std::optional<std::string> text_file;  // --prompt-file
  std::optional<std::string> dash;       // a lone "-": standard input
  std::vector<std::string> id_lists;     // --prompt-ids
  std::optional<std::string> jsonl;      // --input
};

struct GenerateToolOptions {
  ModelToolOptions model;
  PromptSource source;
  TextOptions special;      // how text prompts are encoded
  RequestSettings request;  // of every prompt, where its line of --input says nothing else; the seed is in `model`
  int max_batch = 0;        // sequences at once; 0: all
  size_t kv_budget = 0;     // bytes of the KV cache; 0: no limit
  SpoolOptions spool;
  std::optional<std::string> output;  // results are appended to it
  bool resume = false;                // those that it has are not made again
  bool json = false;                  // one JSON document on standard output instead of text
  std::optional<std::string> trace_file;
  std::optional<std::string> logits_file;
  std::optional<std::string> save_state;
  std::optional<std::string> load_state;
};

void AddGenerateOptions(CLI::App& app, GenerateToolOptions& options);

// Throws dcp::Error(kInvalidArgument) for what can be known to be wrong before the model is loaded.
void CheckGenerateOptions(const GenerateToolOptions& options);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_GENERATE_OPTIONS_H_
