// Puts together what several files say about added tokens.
#ifndef DCP_TEXT_ADDED_TOKEN_TABLE_H_
#define DCP_TEXT_ADDED_TOKEN_TABLE_H_

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dcp/warnings.h"
#include "text/added_tokens.h"
#include "text/vocabulary.h"

namespace dcp {

// Where a token's flags come from. Where files disagree about flags, the highest of these is believed, as Hugging
// Face's loaders do; a token that anyone calls special is special.
enum class FlagSource {
  kName,               // a name alone: "eos_token": "</s>"
  kSpecialMap,         // "eos_token": {"content": "</s>", ..}
  kAddedTokens,        // added_tokens.json
  kTokenizerJson,      // "added_tokens" of tokenizer.json
  kAddedTokensDecoder  // "added_tokens_decoder" of tokenizer_config.json
};

// What one place says about one token.
struct AddedTokenEntry {
  std::string content;
  std::optional<TokenId> id;  // absent: that of the vocabulary, or a new one
  bool single_word = false;
  bool lstrip = false;
  bool rstrip = false;
  std::optional<bool> normalized;  // absent: only where the token is not special
  bool special = false;
  FlagSource source = FlagSource::kName;
  std::string where;  // how messages call the place
};

class AddedTokenTable {
 public:
  // Throws Error(kInvalidModel) naming both places for a token with two ids, or an id with two tokens. A token without
  // text is left out with a warning.
  void Add(AddedTokenEntry entry, Warnings* warnings);

  // The tokens, each with its id: the one that a file gave it, the vocabulary's, or else, in the order in which they
  // were added, the next one after both as the `tokenizers` library counts: the number of the vocabulary's tokens, or
  // one more than the highest id of an added token. Throws Error(kInvalidModel) when a file and the vocabulary (which
  // is called `source`) disagree.
  std::vector<AddedToken> Resolve(const TokenNames& ids, const std::string& source) const;

 private:
  std::vector<AddedTokenEntry> entries_;                // one for each content
  std::unordered_map<std::string, size_t> by_content_;  // index into entries_
  std::unordered_map<TokenId, size_t> by_id_;           // those with an id
};

}  // namespace dcp

#endif  // DCP_TEXT_ADDED_TOKEN_TABLE_H_
