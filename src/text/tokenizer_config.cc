#include "text/tokenizer_config.h"

#include <charconv>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "support/escape.h"

namespace dcp {
namespace {

namespace fs = std::filesystem;

// The named special tokens, in the order in which Hugging Face's loaders add those that are new.
constexpr const char* kNamedTokens[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                        "pad_token", "cls_token", "mask_token"};

bool FlagOf(const JsonReader& flag) { return flag.present() && flag.Flag(); }

class ConfigFiles {
 public:
  ConfigFiles(const fs::path& directory, AddedTokenTable& table, Warnings* warnings)
      : directory_(directory), table_(table), warnings_(warnings) {}

  TokenizerConfig Read() {
    const std::optional<nlohmann::json> config = Load(kTokenizerConfigFile);
    const std::optional<nlohmann::json> map = Load(kSpecialTokensFile);
    const JsonReader config_reader = ReaderOf(config, kTokenizerConfigFile);
    const JsonReader map_reader = ReaderOf(map, kSpecialTokensFile);
    if (config) ReadDecoder(config_reader["added_tokens_decoder"]);
    ReadAddedTokens();
    // The one that is read first names bos and eos. The map is from before the decoder was, and goes first without it.
    const bool config_first = config && config_reader["added_tokens_decoder"].present();
    if (map && !config_first) ReadSpecialTokens(map_reader);
    if (config) ReadSpecialTokens(config_reader);
    if (map && config_first) ReadSpecialTokens(map_reader);
    if (config) {
      ReadFlag(config_reader["add_prefix_space"], read_.add_prefix_space);
      ReadFlag(config_reader["add_bos_token"], read_.add_bos_token);
    }
    return std::move(read_);
  }

 private:
  std::optional<nlohmann::json> Load(const char* name) const {
    const fs::path path = directory_ / name;
    return fs::exists(path) ? std::optional(LoadJsonObject(path)) : std::nullopt;
  }

  // REQUIRES: there is a document before the reader is used.
  JsonReader ReaderOf(const std::optional<nlohmann::json>& document, const char* name) const {
    static const nlohmann::json kNothing;
    return JsonReader(document ? *document : kNothing, (directory_ / name).string());
  }

  static void ReadFlag(const JsonReader& flag, std::optional<bool>& read) {
    if (flag.present()) read = flag.Flag();
  }

  void ReadAddedTokens() {
    const std::optional<nlohmann::json> tokens = Load(kAddedTokensFile);
    if (!tokens) return;
    const JsonReader reader = ReaderOf(tokens, kAddedTokensFile);
    for (const auto& [content, id] : tokens->items()) {
      AddedTokenEntry entry;
      entry.content = content;
      entry.id = reader[content].Integer<TokenId>(0, kTokenIdEnd - 1);
      entry.source = FlagSource::kAddedTokens;
      entry.where = (directory_ / kAddedTokensFile).string();
      table_.Add(std::move(entry), warnings_);
    }
  }

  // {"50256": {"content": "<|endoftext|>", "special": true, ..}, ..}
  void ReadDecoder(const JsonReader& decoder) {
    if (!decoder.present()) return;
    if (!decoder.json().is_object()) decoder.Fail("an object of ids and tokens");
    std::map<TokenId, AddedTokenEntry> by_id;  // the object is in the order of the ids' digits
    for (const auto& [digits, token] : decoder.json().items()) {
      TokenId id = kNoToken;
      const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
      if (error != std::errc() || rest != digits.data() + digits.size() || id < 0 || id >= kTokenIdEnd) {
        decoder[digits].Fail("an id of 0 to " + std::to_string(kTokenIdEnd - 1) + " for a name");
      }
      AddedTokenEntry entry = ReadAddedToken(decoder[digits], (directory_ / kTokenizerConfigFile).string(),
                                             FlagSource::kAddedTokensDecoder);
      entry.id = id;
      if (!by_id.emplace(id, std::move(entry)).second) decoder[digits].Fail("each id once");
    }
    for (auto& [id, entry] : by_id) table_.Add(std::move(entry), warnings_);
  }

  // The same fields are in both files that have them.
  void ReadSpecialTokens(const JsonReader& reader) {
    for (const char* name : kNamedTokens) {
      const JsonReader token = reader[name];
      if (!token.present()) continue;
      const std::string content = AddSpecial(token);
      if (name == std::string_view("bos_token") && !read_.bos) read_.bos = content;
      if (name == std::string_view("eos_token") && !read_.eos) read_.eos = content;
    }
    for (const char* name : {"additional_special_tokens", "extra_special_tokens"}) {
      const JsonReader tokens = reader[name];
      if (!tokens.present()) continue;
      if (tokens.json().is_object()) {  // {"image_token": "<image>"}
        for (const auto& [key, token] : tokens.json().items()) AddSpecial(tokens[key]);
      } else {
        for (size_t i = 0; i < tokens.Size(); ++i) AddSpecial(tokens[i]);
      }
    }
  }

  // A name, or an object with flags. Returns its text.
  std::string AddSpecial(const JsonReader& token) {
    const std::string where = token.name();
    AddedTokenEntry entry;
    if (token.present() && token.json().is_object()) {
      entry = ReadAddedToken(token, where, FlagSource::kSpecialMap);
    } else {
      entry.content = token.Text();
      entry.where = where;
    }
    entry.special = true;
    const std::string content = entry.content;
    table_.Add(std::move(entry), warnings_);
    return content;
  }

  const fs::path& directory_;
  AddedTokenTable& table_;
  Warnings* const warnings_;
  TokenizerConfig read_;
};

}  // namespace

AddedTokenEntry ReadAddedToken(const JsonReader& token, const std::string& where, FlagSource source) {
  AddedTokenEntry entry;
  entry.content = token["content"].Text();
  entry.single_word = FlagOf(token["single_word"]);
  entry.lstrip = FlagOf(token["lstrip"]);
  entry.rstrip = FlagOf(token["rstrip"]);
  if (const JsonReader normalized = token["normalized"]; normalized.present()) entry.normalized = normalized.Flag();
  entry.special = FlagOf(token["special"]);
  entry.source = source;
  entry.where = where;
  return entry;
}

TokenizerConfig ReadTokenizerConfig(const fs::path& directory, AddedTokenTable& table, Warnings* warnings) {
  return ConfigFiles(directory, table, warnings).Read();
}

}  // namespace dcp
