// The files beside a vocabulary: added_tokens.json, tokenizer_config.json, special_tokens_map.json.
#ifndef DCP_TEXT_TOKENIZER_CONFIG_H_
#define DCP_TEXT_TOKENIZER_CONFIG_H_

#include <filesystem>
#include <optional>
#include <string>

#include "dcp/warnings.h"
#include "support/json.h"
#include "text/added_token_table.h"

namespace dcp {

inline constexpr char kAddedTokensFile[] = "added_tokens.json";
inline constexpr char kTokenizerConfigFile[] = "tokenizer_config.json";
inline constexpr char kSpecialTokensFile[] = "special_tokens_map.json";

// What these files say apart from added tokens; absent: they do not.
struct TokenizerConfig {
  std::optional<std::string> bos;  // "bos_token"
  std::optional<std::string> eos;  // "eos_token"
  std::optional<bool> add_prefix_space;
  std::optional<bool> add_bos_token;
};

// One token as tokenizer.json's "added_tokens" and tokenizer_config.json's "added_tokens_decoder" write it: an object
// with "content" and flags. The id is the caller's.
AddedTokenEntry ReadAddedToken(const JsonReader& token, const std::string& where, FlagSource source);

// Reads those of the files that `directory` has, and adds their tokens to `table`. Throws Error(kIo | kInvalidModel).
TokenizerConfig ReadTokenizerConfig(const std::filesystem::path& directory, AddedTokenTable& table, Warnings* warnings);

}  // namespace dcp

#endif  // DCP_TEXT_TOKENIZER_CONFIG_H_
