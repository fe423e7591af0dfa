// The body of a POST to /v1/completions.
#ifndef DCP_TOOLS_DCP_SERVE_API_COMPLETION_REQUEST_H_
#define DCP_TOOLS_DCP_SERVE_API_COMPLETION_REQUEST_H_

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "common/text_options.h"
#include "dcp/eviction_policy.h"
#include "dcp/generate.h"
#include "dcp/model.h"
#include "dcp/tokenizer.h"

namespace dcp::tools {

struct CompletionRequest {
  std::vector<std::vector<TokenId>> prompts;
  GenerateOptions options;                       // of each; the seed is in it
  std::shared_ptr<const EvictionPolicy> policy;  // of each, where it asks for one of its own
  bool stream = false;
  bool include_usage = false;  // of a stream: a last chunk with the usage
  bool echo = false;           // the prompt is part of the answer
  bool nothing_new = false;    // max_tokens was 0: only the prompt is wanted
  bool return_drops = false;   // dcp: what left which layer, with each token
  int samples() const { return options.samples; }
};

// What a request is read with.
struct CompletionContext {
  const Model& model;
  const Tokenizer* tokenizer;  // null: prompts are ids
  TextOptions special;
  const PolicySpec& policy;  // of requests that say nothing else
};

// Takes the fields of the OpenAI API - model, prompt, max_tokens, temperature, top_p, n, stop, seed, logprobs, echo,
// presence_penalty, frequency_penalty, logit_bias, stream, stream_options, best_of, user - with its defaults, all
// settings of a line of dcp-generate --input besides, and `dcp`. Throws ApiError(400) for anything else. A seed that is
// not given is drawn.
CompletionRequest ReadCompletionRequest(std::string_view body, const CompletionContext& context);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_SERVE_API_COMPLETION_REQUEST_H_
