#include "text/tokenizer_files.h"

#include <algorithm>
#include <string>
#include <utility>

#include "text/tokenizer_config.h"
#include "text/tokenizer_json.h"

namespace dcp {
namespace {

namespace fs = std::filesystem;

constexpr char kEndOfText[] = "<|endoftext|>";

TokenizerParts ReadVocabularyAndMerges(const fs::path& directory) {
  TokenizerParts parts;
  parts.source = (directory / kVocabularyFile).string();
  parts.ids = ReadVocabulary(directory / kVocabularyFile);
  parts.merges = ReadMerges(directory / kMergesFile, parts.ids);
  return parts;
}

TokenizerParts ReadParts(const fs::path& directory, AddedTokenTable& table, Warnings* warnings) {
  if (!fs::exists(directory / kTokenizerFile)) return ReadVocabularyAndMerges(directory);
  try {
    return ReadTokenizerJson(directory / kTokenizerFile, table, warnings);
  } catch (const UnsupportedTokenizer& error) {
    if (!fs::exists(directory / kVocabularyFile) || !fs::exists(directory / kMergesFile)) throw;
    Warn(warnings, std::string(error.what()) + ": is passed over for vocab.json and merges.txt");
    return ReadVocabularyAndMerges(directory);
  }
}

void WarnOfMissingBytes(const TokenizerParts& parts, Warnings* warnings) {
  const std::array<TokenId, 256> ids = FindByteIds(parts.ids);
  const auto missing = std::ranges::count(ids, kNoToken);
  if (missing == 0) return;
  const auto first = std::ranges::find(ids, kNoToken) - ids.begin();
  Warn(warnings, parts.source + ": " + std::to_string(missing) + " of the 256 bytes have no token, byte " +
                     std::to_string(first) + " for one: in a text they " +
                     (parts.unknown.id == kNoToken ? "are left out" : "become the unknown token"));
}

std::optional<TokenId> FindAdded(const std::vector<AddedToken>& tokens, const std::optional<std::string>& content) {
  const auto found = std::ranges::find_if(tokens, [&](const AddedToken& token) { return token.content == content; });
  return found == tokens.end() ? std::nullopt : std::optional(found->id);
}

}  // namespace

LoadedTokenizer LoadTokenizerFiles(const fs::path& directory, Warnings* warnings) {
  LoadedTokenizer loaded;
  AddedTokenTable table;
  loaded.parts = ReadParts(directory, table, warnings);
  const TokenizerConfig config = ReadTokenizerConfig(directory, table, warnings);
  if (loaded.parts.ids.contains(kEndOfText)) {
    AddedTokenEntry end_of_text;
    end_of_text.content = kEndOfText;
    end_of_text.special = true;
    end_of_text.where = loaded.parts.source;
    table.Add(std::move(end_of_text), warnings);
  }
  loaded.added = table.Resolve(loaded.parts.ids, loaded.parts.source);
  loaded.bos = FindAdded(loaded.added, config.bos);
  loaded.end_of_text = FindAdded(loaded.added, config.eos ? config.eos : std::optional<std::string>(kEndOfText));
  loaded.parts.add_prefix_space = config.add_prefix_space.value_or(loaded.parts.add_prefix_space);
  if (config.add_bos_token) loaded.parts.prefix.clear();
  if (config.add_bos_token.value_or(false)) {
    const std::optional<TokenId> bos = loaded.bos ? loaded.bos : FindAdded(loaded.added, std::string(kEndOfText));
    if (bos) loaded.parts.prefix = {*bos};
  }
  WarnOfMissingBytes(loaded.parts, warnings);
  return loaded;
}

}  // namespace dcp
