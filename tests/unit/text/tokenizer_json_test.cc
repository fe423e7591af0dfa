// tokenizer.json: what is read of it, and what is named when it is refused.
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dcp/error.h"
#include "dcp/tokenizer.h"
#include "tests/unit/text/small_vocabulary.h"

namespace dcp {
namespace {

using nlohmann::json;
using testing::MergePairs;
using testing::TemporaryFolder;
using Ids = std::vector<TokenId>;

const MergePairs& Merges() {
  static const MergePairs merges = {{"t", "h"}, {"th", "e"}, {" ", "the"}};
  return merges;
}

constexpr char kGpt2[] = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Ids: bytes, th 256, the 257, " the" 258, <|endoftext|> 259.
json Document() {
  json merges = json::array();
  for (const auto& [left, right] : Merges()) merges.push_back(testing::NameOf(left) + " " + testing::NameOf(right));
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"added_tokens", {{{"id", 259}, {"content", "<|endoftext|>"}, {"special", true}, {"normalized", false}}}},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}}},
          {"post_processor", {{"type", "ByteLevel"}, {"trim_offsets", false}}},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"continuing_subword_prefix", ""},
            {"vocab", testing::SmallVocabulary(Merges())},
            {"merges", merges}}}};
}

class TokenizerJsonTest : public ::testing::Test {
 protected:
  // Of the document after `change`, which may be a merge patch: null takes a field away.
  Tokenizer Load(const std::function<void(json&)>& change) {
    json document = Document();
    change(document);
    folder_.Write("tokenizer.json", document.dump());
    warnings_.clear();
    return Tokenizer::Load(folder_.path(), &warnings_);
  }

  Tokenizer Load(const char* patch = "{}") {
    return Load([&](json& document) { document.merge_patch(json::parse(patch)); });
  }

  // what() without the folder's name.
  std::string LoadError(const std::function<void(json&)>& change) {
    try {
      Load(change);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
      return Short(error.what());
    }
    return "";
  }

  std::string LoadError(const char* patch) {
    return LoadError([&](json& document) { document.merge_patch(json::parse(patch)); });
  }

  std::string Short(const std::string& line) const {
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_EQ(line.find(folder_.path().string() + "/"), 0u) << line;
    return line.substr(folder_.path().string().size() + 1);
  }

  Warnings warnings_;
  TemporaryFolder folder_;
};

TEST_F(TokenizerJsonTest, IsEnoughAlone) {
  const Tokenizer tokenizer = Load();
  EXPECT_TRUE(Tokenizer::Present(folder_.path()));
  EXPECT_EQ(tokenizer.Encode("the the<|endoftext|>"), (Ids{257, 258, 259}));
  EXPECT_EQ(tokenizer.vocab_size(), 260);
  EXPECT_EQ(tokenizer.end_of_text(), 259);
  EXPECT_TRUE(tokenizer.IsSpecial(259));
  EXPECT_EQ(tokenizer.TokenBytes(259), "<|endoftext|>");
  EXPECT_EQ(warnings_, Warnings{});
}

TEST_F(TokenizerJsonTest, MergesArePairsOrStrings) {
  const Tokenizer tokenizer = Load([](json& document) {
    document["model"]["merges"] = {{"t", "h"}, {"th", "e"}, "\u0120 the"};
    document["model"].erase("type");  // as early files have it
  });
  EXPECT_EQ(tokenizer.Encode(" the"), Ids{258});
  const std::string lacks = "expected a merge: \"a b\" or [\"a\", \"b\"]";
  EXPECT_EQ(LoadError(R"({"model": {"merges": [["t"]]}})"), "tokenizer.json: model.merges[0] is an array, " + lacks);
  EXPECT_EQ(LoadError(R"({"model": {"merges": ["t h", 3]}})"), "tokenizer.json: model.merges[1] is 3, " + lacks);
  EXPECT_EQ(LoadError(R"({"model": {"merges": ["t h e"]}})"),
            "tokenizer.json: model.merges[0] is \"t h e\", expected two tokens parted by one space");
  EXPECT_EQ(LoadError(R"({"model": {"merges": ["t x"]}})"),
            "tokenizer.json: model.merges[0]: merge \"t x\" needs token \"tx\", which has no id");
  EXPECT_EQ(LoadError(R"({"model": {"merges": [["", "t"]]}})"),
            "tokenizer.json: model.merges[0]: merge of \"\" and \"t\" has an empty half");
}

TEST_F(TokenizerJsonTest, GoesBeforeVocabularyAndMerges) {
  folder_.Write("vocab.json", testing::SmallVocabulary({}).dump());
  folder_.Write("merges.txt", "");
  EXPECT_EQ(Load().Encode("the"), Ids{257});
}

TEST_F(TokenizerJsonTest, OptionsOfByteLevel) {
  EXPECT_EQ(Load(R"({"pre_tokenizer": {"add_prefix_space": true}})").Encode("the<|endoftext|>the"),
            (Ids{258, 259, 258}));
  EXPECT_EQ(Load(R"({"pre_tokenizer": {"add_prefix_space": null}})").Encode("the"), Ids{258}) << "it is the default";
  folder_.Write("tokenizer_config.json", R"({"add_prefix_space": false})");
  EXPECT_EQ(Load(R"({"pre_tokenizer": {"add_prefix_space": true}})").Encode("the"), Ids{257}) << "the config decides";
  folder_.Write("tokenizer_config.json", "{}");
  const auto joined = [](json& document) {
    document["pre_tokenizer"]["use_regex"] = false;
    document["model"]["merges"].push_back("\u0120the \u0120the");
    document["model"]["vocab"]["\u0120the\u0120the"] = 260;
  };
  EXPECT_EQ(Load(joined).Encode(" the the"), Ids{260}) << "without the expression there are no words";
}

TEST_F(TokenizerJsonTest, ASequenceThatIsGpt2InEffect) {
  const auto sequence = [&](const std::string& pattern, const char* behavior, bool invert) {
    return [=](json& document) {
      document["pre_tokenizer"] = {
          {"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", behavior}, {"invert", invert}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
    };
  };
  EXPECT_EQ(Load(sequence(kGpt2, "Isolated", false)).Encode("the the"), (Ids{257, 258}));
  EXPECT_EQ(Load(sequence(kGpt2, "Removed", true)).Encode("the the"), (Ids{257, 258}));
  EXPECT_EQ(LoadError(sequence(kGpt2, "Removed", false)),
            "tokenizer.json: pre_tokenizer.pretokenizers[0].behavior is \"Removed\", expected \"Isolated\"");
  EXPECT_EQ(LoadError(sequence("\\s+", "Isolated", false)),
            std::string("tokenizer.json: pre_tokenizer.pretokenizers[0].pattern.Regex is \"\\x5cs+\", expected GPT-2's "
                        "expression, ") +
                kGpt2);
}

TEST_F(TokenizerJsonTest, PiecesThatAreNotMerged) {
  const auto with_words = [](json& document) {
    document["model"]["ignore_merges"] = true;
    document["model"]["vocab"]["xyz"] = 260;
    document["model"]["vocab"]["<|endoftext|>"] = 259;
  };
  const Tokenizer tokenizer = Load(with_words);
  EXPECT_EQ(tokenizer.Encode("xyz the"), (Ids{260, 258}));
  EXPECT_EQ(tokenizer.Encode("xyzz"), (Ids{'x', 'y', 'z', 'z'}));
}

TEST_F(TokenizerJsonTest, UnknownBytes) {
  const auto without_q = [](bool fuse) {
    return [fuse](json& document) {
      document["model"]["vocab"].erase("q");
      document["model"]["vocab"]["<unk>"] = static_cast<int>('q');
      document["model"]["unk_token"] = "<unk>";
      document["model"]["fuse_unk"] = fuse;
    };
  };
  EXPECT_EQ(Load(without_q(false)).Encode("tqqh"), (Ids{'t', 'q', 'q', 'h'}));
  EXPECT_EQ(Load(without_q(true)).Encode("tqqh"), (Ids{'t', 'q', 'h'}));
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_EQ(
      Short(warnings_[0]),
      "tokenizer.json: 1 of the 256 bytes have no token, byte 113 for one: in a text they become the unknown token");
  const Tokenizer without_unknown = Load([&](json& document) {
    without_q(false)(document);
    document["model"]["unk_token"] = "<other>";
  });
  EXPECT_EQ(without_unknown.Encode("tqqh"), Ids{256});
  ASSERT_EQ(warnings_.size(), 2u);
  EXPECT_EQ(
      Short(warnings_[0]),
      "tokenizer.json: model.unk_token is \"<other>\", expected a token of the vocabulary: bytes without a token are "
      "left out");
}

TEST_F(TokenizerJsonTest, WhatComesBeforeEveryText) {
  const auto template_with = [](const json& single) {
    return [single](json& document) {
      document["post_processor"] = {
          {"type", "TemplateProcessing"},
          {"single", single},
          {"special_tokens", {{"<|endoftext|>", {{"id", "<|endoftext|>"}, {"ids", {259}}, {"tokens", {"x"}}}}}}};
    };
  };
  const json special = {{"SpecialToken", {{"id", "<|endoftext|>"}, {"type_id", 0}}}};
  const json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  EXPECT_EQ(Load(template_with({special, text, special})).prefix(), Ids{259});
  EXPECT_EQ(Load(template_with({text, special})).prefix(), Ids{});
  EXPECT_EQ(
      Load(R"({"post_processor": {"type": "RobertaProcessing", "cls": ["<s>", 7], "sep": ["</s>", 8]}})").prefix(),
      Ids{7});
  EXPECT_EQ(LoadError(R"({"post_processor": {"type": "RobertaProcessing", "cls": ["<s>"]}})"),
            "tokenizer.json: post_processor.cls is an array, expected an array of 2 or more, has 1");
  folder_.Write("tokenizer_config.json", R"({"add_bos_token": false})");
  EXPECT_EQ(Load(template_with({special, text})).prefix(), Ids{}) << "the config decides";
  folder_.Write("tokenizer_config.json", R"({"add_bos_token": true, "bos_token": "<|endoftext|>"})");
  EXPECT_EQ(Load().prefix(), Ids{259});
  EXPECT_EQ(Load().bos(), 259);
}

struct Kind {
  const char* name;
  const char* patch;
  std::string said;
};

class UnsupportedTest : public TokenizerJsonTest, public ::testing::WithParamInterface<Kind> {};

TEST_P(UnsupportedTest, IsNamedOrPassedOver) {
  EXPECT_EQ(LoadError(GetParam().patch), "tokenizer.json: " + GetParam().said);
  folder_.Write("vocab.json", testing::SmallVocabulary(Merges()).dump());
  EXPECT_EQ(LoadError(GetParam().patch), "tokenizer.json: " + GetParam().said) << "there are no merges yet";
  folder_.Write("merges.txt", testing::MergesText(Merges()));
  EXPECT_EQ(Load(GetParam().patch).Encode("the"), Ids{257});
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_EQ(Short(warnings_[0]),
            "tokenizer.json: " + GetParam().said + ": is passed over for vocab.json and merges.txt");
}

const std::string kOneByteLevel = ", expected \"ByteLevel\" alone, or after a \"Split\" by GPT-2's expression";
const std::string kNoNormalizer = ", expected no normalizer: byte-level BPE takes a text as it is";
const Kind kKinds[] = {
    {"WordPiece", R"({"model": {"type": "WordPiece"}})", "model.type is \"WordPiece\", expected \"BPE\""},
    {"Unigram", R"({"model": {"type": "Unigram", "vocab": [["a", 0]]}})",
     "model.type is \"Unigram\", expected \"BPE\""},
    {"Unnamed", R"({"model": {"type": null, "merges": null}})", "model.type is missing, expected \"BPE\""},
    {"Prefix", R"({"model": {"continuing_subword_prefix": "##"}})",
     "model.continuing_subword_prefix is \"##\", expected null: byte-level BPE has none"},
    {"Suffix", R"({"model": {"end_of_word_suffix": "</w>"}})",
     "model.end_of_word_suffix is \"</w>\", expected null: byte-level BPE has none"},
    {"Normalizer", R"({"normalizer": {"type": "NFC"}})", "normalizer.type is \"NFC\"" + kNoNormalizer},
    {"NormalizerInASequence", R"({"normalizer": {"type": "Sequence", "normalizers": [{"type": "Lowercase"}]}})",
     "normalizer.normalizers[0].type is \"Lowercase\"" + kNoNormalizer},
    {"PreTokenizer", R"({"pre_tokenizer": {"type": "Metaspace"}})",
     "pre_tokenizer.type is \"Metaspace\"" + kOneByteLevel},
    {"NoPreTokenizer", R"({"pre_tokenizer": null})",
     "pre_tokenizer is missing, expected a \"ByteLevel\" pre-tokenizer"},
    {"DigitsFirst", R"({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits"}]}})",
     "pre_tokenizer.pretokenizers[0].type is \"Digits\"" + kOneByteLevel},
    {"PostProcessor", R"({"post_processor": {"type": "Other"}})",
     "post_processor.type is \"Other\", expected \"ByteLevel\", \"TemplateProcessing\", \"RobertaProcessing\" or "
     "\"BertProcessing\""},
};
INSTANTIATE_TEST_SUITE_P(Kinds, UnsupportedTest, ::testing::ValuesIn(kKinds),
                         [](const auto& kind) { return kind.param.name; });

TEST_F(TokenizerJsonTest, WhatDoesNotMatterIsTold) {
  EXPECT_EQ(Load(R"({"normalizer": {"type": "Sequence", "normalizers": []}})").Encode("the"), Ids{257});
  EXPECT_EQ(warnings_, Warnings{});
  Load(R"({"model": {"dropout": 0.1}, "decoder": {"type": "Metaspace"}})");
  ASSERT_EQ(warnings_.size(), 2u);
  EXPECT_EQ(Short(warnings_[0]),
            "tokenizer.json: model.dropout is 0.1, expected none, as it is for training: is left out");
  EXPECT_EQ(
      Short(warnings_[1]),
      "tokenizer.json: decoder.type is \"Metaspace\", expected \"ByteLevel\": is left out, tokens are the bytes that "
      "they stand for");
}

TEST_F(TokenizerJsonTest, Damage) {
  const auto load = [&](const std::string& content) -> std::string {
    folder_.Write("tokenizer.json", content);
    try {
      Tokenizer::Load(folder_.path());
    } catch (const Error& error) {
      return Short(error.what());
    }
    return "";
  };
  const std::string whole = Document().dump();
  for (size_t size = 0; size < whole.size(); size += 1 + size / 8) {
    EXPECT_EQ(load(whole.substr(0, size)).find("tokenizer.json: is "), 0u) << size;
  }
  EXPECT_EQ(load("[]"), "tokenizer.json: is an array, expected a JSON object");
  EXPECT_EQ(load("{}"), "tokenizer.json: model is missing, expected an object");
  EXPECT_EQ(LoadError(R"({"model": {"vocab": null}})"),
            "tokenizer.json: model.vocab is missing, expected an object of tokens and ids");
  EXPECT_EQ(LoadError(R"({"model": {"merges": null}})"), "tokenizer.json: model.merges is missing, expected an array");
  EXPECT_EQ(LoadError(R"({"model": {"vocab": {"the": -1}}})"),
            "tokenizer.json: model.vocab.the is -1, expected 0 to 16777215");
  EXPECT_EQ(LoadError(R"({"model": {"vocab": {"x": 5}}})"),
            "tokenizer.json: tokens \"x\" and \"\u0105\" both have id 5");
  EXPECT_EQ(LoadError(R"({"model": {"ignore_merges": 1}})"),
            "tokenizer.json: model.ignore_merges is 1, expected true or false");
  EXPECT_EQ(LoadError(R"({"added_tokens": {}})"), "tokenizer.json: added_tokens is an object, expected an array");
  EXPECT_EQ(LoadError(R"({"added_tokens": [{"id": 260}]})"),
            "tokenizer.json: added_tokens[0].content is missing, expected a string");
  EXPECT_EQ(LoadError(R"({"added_tokens": [{"content": "<a>"}]})"),
            "tokenizer.json: added_tokens[0].id is missing, expected an integer of 0 to 16777215");
  EXPECT_EQ(LoadError(R"({"added_tokens": [{"content": "<a>", "id": 260, "lstrip": "no"}]})"),
            "tokenizer.json: added_tokens[0].lstrip is \"no\", expected true or false");
}

}  // namespace
}  // namespace dcp
