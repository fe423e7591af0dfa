#include "dcp-serve/api/completion_text.h"

#include <algorithm>
#include <utility>

#include "common/format.h"
#include "support/utf8.h"

namespace dcp::tools {
namespace {

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char next = ReadUtf8(text);
    if (next.status != Utf8Status::kValid) return false;
    text.remove_prefix(next.length);
  }
  return true;
}

// Characters that begin in these bytes: tokens may cut one.
size_t CharactersOf(std::string_view bytes) {
  return static_cast<size_t>(
      std::count_if(bytes.begin(), bytes.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

}  // namespace

const char* FinishReasonOf(FinishReason reason) {
  switch (reason) {
    case FinishReason::kEos:
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
    case FinishReason::kContext:
      return "length";
    default:
      return "error";
  }
}

std::string TokenText(TokenId id, const Tokenizer* tokenizer) {
  if (tokenizer == nullptr || id >= tokenizer->vocab_size()) return "token_id:" + std::to_string(id);
  const std::string_view bytes = tokenizer->TokenBytes(id);
  if (IsUtf8(bytes)) return std::string(bytes);
  std::string text = "bytes:";
  for (const char byte : bytes) text += Format("\\x%02x", static_cast<unsigned char>(byte));
  return text;
}

void LogprobsList::Add(TokenId id, const GeneratedLogprobs* logprobs) {
  std::string text = TokenText(id, tokenizer_);
  offsets_.push_back(offset_);
  offset_ += tokenizer_ != nullptr && id < tokenizer_->vocab_size() ? CharactersOf(tokenizer_->TokenBytes(id)) : 0;
  if (logprobs == nullptr) {
    values_.push_back(nullptr);
    tops_.push_back(nullptr);
  } else {
    const double own = ShortestDouble(logprobs->logprob);
    values_.push_back(own);
    Json top = Json::object();
    for (const TokenLogprob& token : logprobs->top)
      top[TokenText(token.id, tokenizer_)] = ShortestDouble(token.logprob);
    if (top_ > 0) top[text] = own;  // OpenAI has the token itself there in any case
    tops_.push_back(std::move(top));
  }
  tokens_.push_back(std::move(text));
}

Json LogprobsList::Take() {
  Json list;
  list["tokens"] = std::exchange(tokens_, Json::array());
  list["token_logprobs"] = std::exchange(values_, Json::array());
  list["top_logprobs"] = std::exchange(tops_, Json::array());
  list["text_offset"] = std::exchange(offsets_, Json::array());
  return list;
}

Json ChoiceEntry(ChoicePiece piece) {
  Json entry{{"text", std::move(piece.text)}, {"index", piece.index}, {"logprobs", std::move(piece.logprobs)}};
  entry["finish_reason"] = nullptr;
  if (piece.finish_reason[0] != '\0') entry["finish_reason"] = piece.finish_reason;
  if (!piece.dcp.is_null()) entry["dcp"] = std::move(piece.dcp);
  return entry;
}

Json UsageEntry(const Usage& usage) {
  Json entry{{"prompt_tokens", usage.prompt_tokens},
             {"completion_tokens", usage.completion_tokens},
             {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
  entry["prompt_tokens_details"] = Json{{"cached_tokens", usage.shared_tokens}};
  return entry;
}

Json CompletionDocument(const CompletionHead& head, Json choices, const Usage* usage) {
  Json document{{"id", head.id}, {"object", "text_completion"}, {"created", head.created}, {"model", head.model}};
  document["choices"] = std::move(choices);
  if (usage != nullptr) document["usage"] = UsageEntry(*usage);
  return document;
}

}  // namespace dcp::tools
