#include "text/tokenizer_json.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "support/escape.h"
#include "support/json.h"
#include "text/tokenizer_config.h"

namespace dcp {
namespace {

// GPT-2's expression as its release, the `tokenizers` library and tiktoken write it: one language.
constexpr std::string_view kGpt2Patterns[] = {
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
};

[[noreturn]] void Refuse(const JsonReader& field, const std::string& expected) {
  throw UnsupportedTokenizer(field.Complaint(expected));
}

bool FlagOf(const JsonReader& object, std::string_view field, bool otherwise = false) {
  const JsonReader flag = object[field];
  return flag.present() ? flag.Flag() : otherwise;
}

const std::string& TypeOf(const JsonReader& object) { return object["type"].Text(); }

// Calls `visit` for an object, or for each of those that a "Sequence" holds in `list`; not at all where there is none.
template <typename Visit>
void ForEachStep(const JsonReader& step, std::string_view list, const Visit& visit) {
  if (!step.present()) return;
  if (TypeOf(step) != "Sequence") return visit(step);
  const JsonReader steps = step[list];
  for (size_t i = 0; i < steps.Size(); ++i) ForEachStep(steps[i], list, visit);
}

void CheckNormalizer(const JsonReader& normalizer) {
  ForEachStep(normalizer, "normalizers", [](const JsonReader& step) {
    Refuse(step["type"], "no normalizer: byte-level BPE takes a text as it is");
  });
}

// A Split by GPT-2's expression that keeps everything, which ByteLevel without its own expression may follow.
void CheckSplit(const JsonReader& split) {
  const JsonReader pattern = split["pattern"]["Regex"];
  if (!pattern.present() || std::ranges::find(kGpt2Patterns, pattern.Text()) == std::end(kGpt2Patterns)) {
    Refuse(pattern, "GPT-2's expression, " + std::string(kGpt2Patterns[0]));
  }
  const std::string& behavior = split["behavior"].Text();
  const bool inverted = FlagOf(split, "invert");
  if (behavior != "Isolated" && !(behavior == "Removed" && inverted)) Refuse(split["behavior"], "\"Isolated\"");
}

void ReadPreTokenizer(const JsonReader& pre_tokenizer, TokenizerParts& parts) {
  bool byte_level = false;
  bool split = false;
  ForEachStep(pre_tokenizer, "pretokenizers", [&](const JsonReader& step) {
    const std::string& type = TypeOf(step);
    if (type == "Split" && !byte_level && !split) {
      CheckSplit(step);
      split = true;
    } else if (type == "ByteLevel" && !byte_level) {
      byte_level = true;
      parts.add_prefix_space = FlagOf(step, "add_prefix_space", true);
      parts.split_pieces = split || FlagOf(step, "use_regex", true);
      if (split && parts.add_prefix_space) Refuse(step["add_prefix_space"], "false after a Split");
    } else {
      Refuse(step["type"], "\"ByteLevel\" alone, or after a \"Split\" by GPT-2's expression");
    }
  });
  if (!byte_level) Refuse(pre_tokenizer, "a \"ByteLevel\" pre-tokenizer");
}

void ReadMergesOf(const JsonReader& merges, TokenizerParts& parts) {
  MergeList list(parts.ids);
  const size_t count = merges.Size();
  for (size_t i = 0; i < count; ++i) {
    const nlohmann::json& merge = merges.json()[i];  // a JsonReader for each would cost more than the rest
    const auto where = [&] { return merges[i].name(); };
    if (merge.is_string()) {
      const std::string_view text = merge.get_ref<const std::string&>();
      const size_t space = text.find(' ');
      if (space == std::string_view::npos || text.rfind(' ') != space) merges[i].Fail("two tokens parted by one space");
      list.Add(text.substr(0, space), text.substr(space + 1), where);
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      list.Add(merge[0].get_ref<const std::string&>(), merge[1].get_ref<const std::string&>(), where);
    } else {
      merges[i].Fail("a merge: \"a b\" or [\"a\", \"b\"]");
    }
  }
  parts.merges = list.Take();
}

void ReadIds(const JsonReader& vocabulary, TokenNames& ids) {
  if (!vocabulary.present() || !vocabulary.json().is_object()) vocabulary.Fail("an object of tokens and ids");
  ids.reserve(vocabulary.json().size());
  for (const auto& [name, id] : vocabulary.json().items()) {
    const bool fits = id.is_number_unsigned() && id.get<uint64_t>() < static_cast<uint64_t>(kTokenIdEnd);
    ids.emplace(name, fits ? id.get<TokenId>() : vocabulary[name].Integer<TokenId>(0, kTokenIdEnd - 1));
  }
}

void ReadUnknown(const JsonReader& model, TokenizerParts& parts, Warnings* warnings) {
  const JsonReader unknown = model["unk_token"];
  if (!unknown.present()) return;
  const auto entry = parts.ids.find(unknown.Text());
  if (entry == parts.ids.end()) {
    return Warn(warnings, unknown.Complaint("a token of the vocabulary: bytes without a token are left out"));
  }
  parts.unknown = {entry->second, FlagOf(model, "fuse_unk")};
}

void RefuseText(const JsonReader& model, std::string_view field) {
  const JsonReader text = model[field];
  if (text.present() && !text.Text().empty()) Refuse(text, "null: byte-level BPE has none");
}

void ReadModel(const JsonReader& model, TokenizerParts& parts, Warnings* warnings) {
  // Early files do not say what type the model is; merges are those of BPE.
  if (const JsonReader type = model["type"]; type.present() ? type.Text() != "BPE" : !model["merges"].present()) {
    Refuse(type, "\"BPE\"");
  }
  RefuseText(model, "continuing_subword_prefix");
  RefuseText(model, "end_of_word_suffix");
  if (const JsonReader dropout = model["dropout"]; dropout.present() && dropout.Number() != 0) {
    Warn(warnings, dropout.Complaint("none, as it is for training: is left out"));
  }
  ReadIds(model["vocab"], parts.ids);
  ReadMergesOf(model["merges"], parts);
  ReadUnknown(model, parts, warnings);
  parts.ignore_merges = FlagOf(model, "ignore_merges");
  const std::array<TokenId, 256> byte_ids = FindByteIds(parts.ids);
  if (FlagOf(model, "byte_fallback") && std::ranges::find(byte_ids, kNoToken) != byte_ids.end()) {
    Refuse(model["byte_fallback"], "false, or a token for each of the 256 bytes");
  }
}

// ["<s>", 0]
TokenId IdOfPair(const JsonReader& pair) {
  if (pair.Size(2) != 2) pair.Fail("a token and its id");
  return pair[1].Integer<TokenId>(0, kTokenIdEnd - 1);
}

// The special tokens that a template puts before the text.
std::vector<TokenId> TemplatePrefix(const JsonReader& step) {
  std::vector<TokenId> prefix;
  const JsonReader single = step["single"];
  for (size_t i = 0; i < single.Size() && !single[i]["Sequence"].present(); ++i) {
    const std::string& name = single[i]["SpecialToken"]["id"].Text();
    const std::vector<TokenId> ids = step["special_tokens"][name]["ids"].Integers<TokenId>(0, kTokenIdEnd - 1);
    prefix.insert(prefix.end(), ids.begin(), ids.end());
  }
  return prefix;
}

// What comes after a text ("</s>") is of no use here: texts go on.
void ReadPostProcessor(const JsonReader& post_processor, TokenizerParts& parts) {
  ForEachStep(post_processor, "processors", [&](const JsonReader& step) {
    const std::string& type = TypeOf(step);
    if (type == "ByteLevel") return;  // moves offsets, not tokens
    std::vector<TokenId> prefix;
    if (type == "TemplateProcessing") {
      prefix = TemplatePrefix(step);
    } else if (type == "RobertaProcessing" || type == "BertProcessing") {
      prefix = {IdOfPair(step["cls"])};
    } else {
      Refuse(step["type"], "\"ByteLevel\", \"TemplateProcessing\", \"RobertaProcessing\" or \"BertProcessing\"");
    }
    parts.prefix.insert(parts.prefix.begin(), prefix.begin(), prefix.end());
  });
}

void CheckDecoder(const JsonReader& decoder, Warnings* warnings) {
  ForEachStep(decoder, "decoders", [&](const JsonReader& step) {
    if (TypeOf(step) == "ByteLevel") return;
    Warn(warnings, step["type"].Complaint("\"ByteLevel\": is left out, tokens are the bytes that they stand for"));
  });
}

void ReadAddedTokens(const JsonReader& tokens, AddedTokenTable& table, Warnings* warnings) {
  if (!tokens.present()) return;
  for (size_t i = 0; i < tokens.Size(); ++i) {
    AddedTokenEntry entry = ReadAddedToken(tokens[i], tokens[i].name(), FlagSource::kTokenizerJson);
    entry.id = tokens[i]["id"].Integer<TokenId>(0, kTokenIdEnd - 1);
    table.Add(std::move(entry), warnings);
  }
}

}  // namespace

TokenizerParts ReadTokenizerJson(const std::filesystem::path& file, AddedTokenTable& table, Warnings* warnings) {
  const nlohmann::json document = LoadJsonObject(file);
  const JsonReader reader(document, file.string());
  TokenizerParts parts;
  parts.source = file.string();
  const JsonReader model = reader["model"];
  if (!model.present()) model.Fail("an object");
  Warnings found;
  ReadModel(model, parts, &found);
  CheckNormalizer(reader["normalizer"]);
  ReadPreTokenizer(reader["pre_tokenizer"], parts);
  ReadPostProcessor(reader["post_processor"], parts);
  CheckDecoder(reader["decoder"], &found);
  ReadAddedTokens(reader["added_tokens"], table, &found);
  for (std::string& warning : found) Warn(warnings, std::move(warning));
  return parts;
}

}  // namespace dcp
