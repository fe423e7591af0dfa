// The answers of /v1/completions.
#ifndef DCP_TOOLS_DCP_SERVE_API_COMPLETION_TEXT_H_
#define DCP_TOOLS_DCP_SERVE_API_COMPLETION_TEXT_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"
#include "dcp-serve/api/completion_request.h"
#include "dcp/scheduler.h"

namespace dcp::tools {

// What all answers to one request have in common.
struct CompletionHead {
  std::string id;       // "cmpl-.."
  int64_t created = 0;  // seconds since 1970
  std::string model;
};

struct Usage {
  size_t prompt_tokens = 0;
  size_t shared_tokens = 0;  // of them, read before
  size_t completion_tokens = 0;
};

// One choice, whole or a piece of a stream.
struct ChoicePiece {
  int index = 0;
  std::string text;
  Json logprobs;                   // null: none
  const char* finish_reason = "";  // empty: not yet
  Json dcp;                        // null: none
};

// "stop", "length": as OpenAI calls it.
const char* FinishReasonOf(FinishReason reason);

// The bytes of a token as text; what is no UTF-8 by itself as "bytes:\xe2\x80".
std::string TokenText(TokenId id, const Tokenizer* tokenizer);

// {"tokens", "token_logprobs", "top_logprobs", "text_offset"} that grow token by token.
class LogprobsList {
 public:
  LogprobsList(const Tokenizer* tokenizer, int top) : tokenizer_(tokenizer), top_(top) {}

  // `logprobs` null: of a token with nothing before it.
  void Add(TokenId id, const GeneratedLogprobs* logprobs);
  // Gives what was added, and begins anew; offsets go on.
  Json Take();

 private:
  const Tokenizer* tokenizer_;
  int top_;
  size_t offset_ = 0;
  Json tokens_ = Json::array(), values_ = Json::array(), tops_ = Json::array(), offsets_ = Json::array();
};

Json ChoiceEntry(ChoicePiece piece);
Json UsageEntry(const Usage& usage);
Json CompletionDocument(const CompletionHead& head, Json choices, const Usage* usage);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_SERVE_API_COMPLETION_TEXT_H_
