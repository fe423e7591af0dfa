// Which of a directory's files make its tokenizer.
#ifndef DCP_TEXT_TOKENIZER_FILES_H_
#define DCP_TEXT_TOKENIZER_FILES_H_

#include <filesystem>
#include <optional>
#include <vector>

#include "dcp/warnings.h"
#include "text/added_tokens.h"
#include "text/tokenizer_parts.h"

namespace dcp {

inline constexpr char kVocabularyFile[] = "vocab.json";
inline constexpr char kMergesFile[] = "merges.txt";

struct LoadedTokenizer {
  TokenizerParts parts;
  std::vector<AddedToken> added;
  std::optional<TokenId> bos;
  std::optional<TokenId> end_of_text;
};

// As Tokenizer::Load says.
LoadedTokenizer LoadTokenizerFiles(const std::filesystem::path& directory, Warnings* warnings);

}  // namespace dcp

#endif  // DCP_TEXT_TOKENIZER_FILES_H_
