#include "common/text_options.h"

#include "common/option_group.h"
#include "dcp/error.h"

namespace dcp::tools {

namespace {

// A tokenizer may name tokens that its model was never given.
bool IsInModel(std::optional<TokenId> id, const ModelConfig& config) { return id && *id < config.vocab_size; }

}  // namespace

void AddNoSpecial(const OptionGroup& add, TextOptions& options) {
  add.Flag("--no-special", options.no_special,
           "Take special tokens that are written in a text, such as <|endoftext|>, for ordinary text; for text that is "
           "not trusted");
}

void AddBos(const OptionGroup& add, TextOptions& options, const std::string& what) {
  add.Flag("--bos", options.bos, "Begin " + what + " with the bos token, unless it does so already");
}

TokenId BosToken(const Tokenizer* tokenizer, const ModelConfig& config, const std::string& source) {
  if (tokenizer != nullptr && IsInModel(tokenizer->bos(), config)) return *tokenizer->bos();
  if (config.bos_token_id) return *config.bos_token_id;
  if (const std::optional<TokenId> end = EndOfTextToken(tokenizer, config)) return *end;
  throw Error(ErrorCode::kInvalidArgument,
              source + ": neither the tokenizer nor config.json names a bos token, which --bos needs");
}

std::optional<TokenId> EndOfTextToken(const Tokenizer* tokenizer, const ModelConfig& config) {
  if (tokenizer != nullptr && IsInModel(tokenizer->end_of_text(), config)) return tokenizer->end_of_text();
  return config.eos_token_ids.empty() ? std::nullopt : std::optional(config.eos_token_ids[0]);
}

void PutFirst(TokenId bos, std::vector<TokenId>* ids) {
  if (ids->empty() || ids->front() != bos) ids->insert(ids->begin(), bos);
}

std::vector<TokenId> EncodePrompt(std::string_view text, const Tokenizer& tokenizer, const TextOptions& options) {
  std::vector<TokenId> ids = tokenizer.prefix();
  const std::vector<TokenId> encoded = tokenizer.Encode(text, options.encoding());
  ids.insert(ids.end(), encoded.begin(), encoded.end());
  return ids;
}

std::vector<std::string_view> SplitDocuments(std::string_view text, std::string_view end_of_text) {
  std::vector<std::string_view> documents;
  while (!text.empty()) {
    const size_t end = end_of_text.empty() ? std::string_view::npos : text.find(end_of_text);
    const std::string_view document = text.substr(0, end);
    if (document.find_first_not_of(" \t\r\n") != std::string_view::npos) documents.push_back(document);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + end_of_text.size());
  }
  return documents;
}

}  // namespace dcp::tools
