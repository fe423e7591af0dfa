// Added tokens as the files beside a vocabulary name them.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "dcp/error.h"
#include "dcp/tokenizer.h"
#include "tests/unit/text/small_vocabulary.h"

namespace dcp {
namespace {

using testing::TemporaryFolder;
using Ids = std::vector<TokenId>;
using Files = std::vector<std::pair<std::string, std::string>>;

constexpr char kAdded[] = "added_tokens.json";
constexpr char kConfig[] = "tokenizer_config.json";
constexpr char kMap[] = "special_tokens_map.json";

// Ids: bytes, ab 256, <|endoftext|> 257, "word" 258.
class TokenizerConfigTest : public ::testing::Test {
 protected:
  Tokenizer Load(const Files& files) {
    for (const char* name : {kAdded, kConfig, kMap}) std::filesystem::remove(folder_.path() / name);
    folder_.Write("vocab.json", testing::SmallVocabulary({{"a", "b"}}, {"<|endoftext|>", "word"}).dump());
    folder_.Write("merges.txt", testing::MergesText({{"a", "b"}}));
    for (const auto& [name, content] : files) folder_.Write(name, content);
    warnings_.clear();
    return Tokenizer::Load(folder_.path(), &warnings_);
  }

  // what() without the folder's name.
  std::string LoadError(const Files& files) {
    try {
      Load(files);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
      std::string what = error.what();
      EXPECT_EQ(what.find('\n'), std::string::npos);
      for (size_t at; (at = what.find(folder_.path().string() + "/")) != std::string::npos;) {
        what.erase(at, folder_.path().string().size() + 1);
      }
      return what;
    }
    return "";
  }

  Warnings warnings_;
  TemporaryFolder folder_;
};

TEST_F(TokenizerConfigTest, EndOfTextIsSpecialWithoutAnyFile) {
  const Tokenizer tokenizer = Load({});
  EXPECT_EQ(tokenizer.Encode("ab<|endoftext|>ab"), (Ids{256, 257, 256}));
  EXPECT_EQ(tokenizer.Encode("<|endoftext|>", {.special = false}).size(), 13u);
  EXPECT_TRUE(tokenizer.IsSpecial(257));
  EXPECT_FALSE(tokenizer.IsSpecial(256));
  EXPECT_FALSE(tokenizer.IsSpecial(-1));
  EXPECT_FALSE(tokenizer.IsSpecial(1000));
  EXPECT_EQ(tokenizer.end_of_text(), 257);
  EXPECT_EQ(tokenizer.bos(), std::nullopt);
  EXPECT_EQ(tokenizer.Encode("word").size(), 4u) << "a name in the vocabulary is no added token";
}

TEST_F(TokenizerConfigTest, AddedTokensJson) {
  const Tokenizer tokenizer = Load({{kAdded, R"({"<|user|>": 259, "<pad>": 260, "word": 258})"},
                                    {kMap, R"({"pad_token": "<pad>", "eos_token": "<|endoftext|>"})"}});
  EXPECT_EQ(tokenizer.Encode("<|user|>ab<pad>sword"), (Ids{259, 256, 260, 's', 258}));
  EXPECT_FALSE(tokenizer.IsSpecial(259));
  EXPECT_TRUE(tokenizer.IsSpecial(260));
  EXPECT_EQ(tokenizer.vocab_size(), 261);
  EXPECT_EQ(tokenizer.TokenBytes(259), "<|user|>");
}

TEST_F(TokenizerConfigTest, FlagsOfTheDecoder) {
  const Tokenizer tokenizer = Load({{kConfig, R"({"added_tokens_decoder": {
      "259": {"content": "<l>", "lstrip": true}, "260": {"content": "<r>", "rstrip": true, "special": true},
      "261": {"content": "abc", "single_word": true, "normalized": false}}})"}});
  EXPECT_EQ(tokenizer.Encode("ab  <l> ab<r> ab abc abcd"),
            (Ids{256, 259, ' ', 256, 260, 256, ' ', 261, ' ', 256, 'c', 'd'}));
  EXPECT_FALSE(tokenizer.IsSpecial(259));
  EXPECT_TRUE(tokenizer.IsSpecial(260));
}

TEST_F(TokenizerConfigTest, TheDecoderKnowsBestAndSpecialIsSpecialAnywhere) {
  const std::string with_flags = R"({"mask_token": {"content": "<m>", "lstrip": true}})";
  EXPECT_EQ(Load({{kMap, with_flags}}).Encode("  <m>"), Ids{259});
  // As Hugging Face has it: a line of added_tokens.json is a token without flags.
  const Tokenizer added = Load({{kMap, with_flags}, {kAdded, R"({"<m>": 259})"}});
  EXPECT_EQ(added.Encode("  <m>"), (Ids{' ', ' ', 259}));
  EXPECT_TRUE(added.IsSpecial(259));
  const Tokenizer decoder =
      Load({{kMap, with_flags}, {kConfig, R"({"added_tokens_decoder": {"259": {"content": "<m>", "rstrip": true}}})"}});
  EXPECT_EQ(decoder.Encode(" <m> "), (Ids{' ', 259}));
  EXPECT_TRUE(decoder.IsSpecial(259));
}

// In the order in which Hugging Face adds them: bos before pad, named ones before the others.
TEST_F(TokenizerConfigTest, TokensWithoutAnIdGetTheNextOnes) {
  const Tokenizer tokenizer = Load({{kConfig, R"({"extra_special_tokens": {"image_token": "<i>"}, "pad_token": "<p>",
                                                  "bos_token": "<s>", "eos_token": "word"})"},
                                    {kAdded, R"({"<a>": 261})"}});
  EXPECT_EQ(tokenizer.Encode("<a><s><p><i>word"), (Ids{261, 262, 263, 264, 258}));
  EXPECT_EQ(tokenizer.bos(), 262);
  EXPECT_EQ(tokenizer.end_of_text(), 258) << "by its place, not by its name";
  EXPECT_TRUE(tokenizer.IsSpecial(257)) << "all the same";
  EXPECT_EQ(tokenizer.TokenBytes(259), "") << "no token has this id";
  EXPECT_EQ(tokenizer.TokenBytes(260), "");
  EXPECT_EQ(Load({{kMap, R"({"additional_special_tokens": ["<x>", {"content": "<y>"}]})"}}).Encode("<y><x>"),
            (Ids{260, 259}));
}

TEST_F(TokenizerConfigTest, SpacesInFrontAndTheBosToken) {
  const Tokenizer spaced = Load({{kConfig, R"({"add_prefix_space": true, "add_bos_token": true})"}});
  EXPECT_EQ(spaced.Encode("ab ab<|endoftext|>ab"), (Ids{' ', 256, ' ', 256, 257, ' ', 256}));
  EXPECT_EQ(spaced.Encode(""), Ids{});
  EXPECT_EQ(spaced.prefix(), Ids{257}) << "GPT-2's bos token is its end of text";
  EXPECT_EQ(Load({{kConfig, R"({"add_bos_token": true, "bos_token": "word"})"}}).prefix(), Ids{258});
}

TEST_F(TokenizerConfigTest, AddedTokensSayWhatIsWritten) {
  const Tokenizer tokenizer = Load({{kAdded, R"({"é ": 259, "\n": 260})"}});
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("é \nab<|endoftext|>")), "é \nab<|endoftext|>");
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.Push(259), "é ");
  EXPECT_EQ(decoder.Push(257), "") << "a special token is not shown";
}

TEST_F(TokenizerConfigTest, TheFingerprintIsThatOfWhatIsRead) {
  const uint64_t plain = Load({}).fingerprint();
  EXPECT_EQ(Load({{kMap, R"({"eos_token": "<|endoftext|>"})"}}).fingerprint(), plain);
  EXPECT_NE(Load({{kAdded, R"({"<a>": 259})"}}).fingerprint(), plain);
  EXPECT_NE(Load({{kConfig, R"({"add_prefix_space": true})"}}).fingerprint(), plain);
  EXPECT_EQ(Load({{kAdded, R"({"<a>": 259, "<b>": 260})"}}).fingerprint(),
            Load({{kConfig, R"({"added_tokens_decoder": {"260": {"content": "<b>"}, "259": {"content": "<a>"}}})"}})
                .fingerprint());
}

TEST_F(TokenizerConfigTest, Contradictions) {
  EXPECT_EQ(LoadError({{kAdded, R"({"<a>": 257})"}}),
            "added_tokens.json: id 257 is \"<a>\", but \"<|endoftext|>\" in vocab.json");
  EXPECT_EQ(LoadError({{kAdded, R"({"word": 300})"}}),
            "added_tokens.json: token \"word\" has id 300, but 258 in vocab.json");
  EXPECT_EQ(LoadError({{kAdded, R"({"<a>": 259, "<b>": 259})"}}),
            "added_tokens.json: id 259 is \"<b>\", but \"<a>\" in added_tokens.json");
  EXPECT_EQ(
      LoadError({{kAdded, R"({"<a>": 259})"}, {kConfig, R"({"added_tokens_decoder": {"260": {"content": "<a>"}}})"}}),
      "added_tokens.json: token \"<a>\" has id 259, but 260 in tokenizer_config.json");
  // Each is what the other should be.
  EXPECT_EQ(
      LoadError({{kAdded, R"({"<a>": 259, "<b>": 260})"},
                 {kConfig, R"({"added_tokens_decoder": {"259": {"content": "<b>"}, "260": {"content": "<a>"}}})"}}),
      "added_tokens.json: id 259 is \"<a>\", but \"<b>\" in tokenizer_config.json");
  EXPECT_EQ(
      LoadError({{kConfig, R"({"added_tokens_decoder": {"259": {"content": "<a>"}, "260": {"content": "<a>"}}})"}}),
      "tokenizer_config.json: token \"<a>\" has id 260, but 259 in tokenizer_config.json");
}

TEST_F(TokenizerConfigTest, BadFiles) {
  EXPECT_EQ(LoadError({{kAdded, "{\"<a>\": 25"}}).find("added_tokens.json: is not valid JSON"), 0u);
  EXPECT_EQ(LoadError({{kAdded, ""}}), "added_tokens.json: is empty, expected a JSON object");
  EXPECT_EQ(LoadError({{kAdded, "[\"<a>\"]"}}), "added_tokens.json: is an array, expected a JSON object");
  EXPECT_EQ(LoadError({{kAdded, R"({"<a>": "259"})"}}),
            "added_tokens.json: <a> is \"259\", expected an integer of 0 to 16777215");
  EXPECT_EQ(LoadError({{kAdded, R"({"<a>": 999999999999})"}}),
            "added_tokens.json: <a> is 999999999999, expected 0 to 16777215");
  EXPECT_EQ(LoadError({{kConfig, R"({"added_tokens_decoder": []})"}}),
            "tokenizer_config.json: added_tokens_decoder is an array, expected an object of ids and tokens");
  EXPECT_EQ(LoadError({{kConfig, R"({"added_tokens_decoder": {"x1": {"content": "<a>"}}})"}}),
            "tokenizer_config.json: added_tokens_decoder.x1 is an object, expected an id of 0 to 16777215 for a name");
  EXPECT_EQ(LoadError({{kConfig, R"({"added_tokens_decoder": {"259": "<a>"}})"}}),
            "tokenizer_config.json: added_tokens_decoder.259 is \"<a>\", expected an object");
  EXPECT_EQ(LoadError({{kConfig, R"({"add_prefix_space": "yes"})"}}),
            "tokenizer_config.json: add_prefix_space is \"yes\", expected true or false");
  EXPECT_EQ(LoadError({{kMap, R"({"eos_token": 257})"}}),
            "special_tokens_map.json: eos_token is 257, expected a string");
  EXPECT_EQ(LoadError({{kMap, R"({"additional_special_tokens": [null]})"}}),
            "special_tokens_map.json: additional_special_tokens[0] is missing, expected a string");
  Load({{kAdded, R"({"": 259})"}});
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_NE(warnings_[0].find("added_tokens.json: a token without text is left out"), std::string::npos);
}

}  // namespace
}  // namespace dcp
