// How tools turn text into ids, and where it ends.
#ifndef DCP_TOOLS_COMMON_TEXT_OPTIONS_H_
#define DCP_TOOLS_COMMON_TEXT_OPTIONS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dcp/model_config.h"
#include "dcp/tokenizer.h"
#include "dcp/types.h"

namespace dcp::tools {

class OptionGroup;  // common/option_group.h

struct TextOptions {
  bool no_special = false;  // the text of special tokens is ordinary text
  bool bos = false;         // begin with the bos token

  EncodeOptions encoding() const { return {.special = !no_special}; }
};

// --no-special
void AddNoSpecial(const OptionGroup& add, TextOptions& options);

// --bos; `what` begins with the token: "every prompt".
void AddBos(const OptionGroup& add, TextOptions& options, const std::string& what);

// The token that begins a text: the tokenizer's bos token, or else the config's, or else the token that ends one.
// Throws dcp::Error(kInvalidArgument) beginning with `source`, the model's directory, when there is none.
TokenId BosToken(const Tokenizer* tokenizer, const ModelConfig& config, const std::string& source);

// The token that parts documents: the tokenizer's end of text, or else the config's first one. None where both have
// none.
std::optional<TokenId> EndOfTextToken(const Tokenizer* tokenizer, const ModelConfig& config);

// Puts the bos token first, unless it is there.
void PutFirst(TokenId bos, std::vector<TokenId>* ids);

// The ids of a prompt: what the tokenizer's files want before every text, then the text.
std::vector<TokenId> EncodePrompt(std::string_view text, const Tokenizer& tokenizer, const TextOptions& options);

// The documents of a text, parted by the text of the tokenizer's end-of-text token; empty ones and those of white space
// only are left out. Views `text`.
std::vector<std::string_view> SplitDocuments(std::string_view text, std::string_view end_of_text);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_TEXT_OPTIONS_H_
