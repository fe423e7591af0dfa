// Good and bad vocab.json and merges.txt.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dcp/error.h"
#include "dcp/tokenizer.h"
#include "dcp/warnings.h"
#include "tests/unit/text/small_vocabulary.h"

namespace dcp {
namespace {

using nlohmann::json;
using testing::MergePairs;
using testing::TemporaryFolder;

const MergePairs& Merges() {
  static const MergePairs merges = {{"t", "h"}, {"th", "e"}, {" ", "the"}};
  return merges;
}

// The error that loading these files gives: "" for none, else what() without the folder's name. Checks the code.
std::string LoadError(const std::string& vocabulary, const std::string& merges,
                      ErrorCode code = ErrorCode::kInvalidModel) {
  const TemporaryFolder folder;
  folder.Write("vocab.json", vocabulary);
  folder.Write("merges.txt", merges);
  try {
    Tokenizer::Load(folder.path());
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    const std::string what = error.what();
    EXPECT_EQ(what.find('\n'), std::string::npos);
    EXPECT_EQ(what.find(folder.path().string() + "/"), 0u) << what;
    return what.substr(folder.path().string().size() + 1);
  }
}

std::string VocabularyError(const std::function<void(json*)>& change) {
  json ids = testing::SmallVocabulary(Merges());
  change(&ids);
  return LoadError(ids.dump(), testing::MergesText(Merges()));
}

std::string MergesError(const std::string& merges) {
  return LoadError(testing::SmallVocabulary(Merges()).dump(), merges);
}

TEST(TokenizerFilesTest, ReadsMergesHoweverTheLinesEnd) {
  const std::string ids = testing::SmallVocabulary(Merges()).dump();
  for (const std::string head :
       {"", "#version: 0.2\n", "#version: 0.2\r\n", "\xEF\xBB\xBF", "\xEF\xBB\xBF#version: 0.2\r\n"}) {
    for (const std::string line_end : {"\n", "\r\n"}) {
      for (const std::string tail : {"", "\n", "\r\n\r\n", "\n\n\n"}) {
        const TemporaryFolder folder;
        folder.Write("vocab.json", ids);
        folder.Write("merges.txt", head + testing::MergesText(Merges(), line_end) + tail);
        EXPECT_EQ(Tokenizer::Load(folder.path()).Encode(" the"), std::vector<TokenId>{258});
      }
    }
  }
  EXPECT_EQ(MergesError(""), "");
  EXPECT_EQ(MergesError("#version: 0.2\n"), "");
  EXPECT_EQ(MergesError("t h\nth e"), "");
}

TEST(TokenizerFilesTest, ReadsEscapedNames) {
  const TemporaryFolder folder;
  const bool ensure_ascii = true;
  folder.Write("vocab.json", testing::SmallVocabulary(Merges()).dump(-1, ' ', ensure_ascii));
  folder.Write("merges.txt", testing::MergesText(Merges()));
  EXPECT_EQ(Tokenizer::Load(folder.path()).TokenBytes(258), " the");
}

TEST(TokenizerFilesTest, PresentAsksForEitherForm) {
  const TemporaryFolder folder;
  EXPECT_FALSE(Tokenizer::Present(folder.path()));
  folder.Write("vocab.json", "{}");
  EXPECT_FALSE(Tokenizer::Present(folder.path()));
  folder.Write("merges.txt", "");
  EXPECT_TRUE(Tokenizer::Present(folder.path()));
  EXPECT_FALSE(Tokenizer::Present(folder.path() / "nowhere"));
  const TemporaryFolder other;
  other.Write("tokenizer.json", "");
  EXPECT_TRUE(Tokenizer::Present(other.path()));
}

TEST(TokenizerFilesTest, MissingFilesAreNamed) {
  const TemporaryFolder folder;
  const auto error = [&]() -> std::string {
    try {
      Tokenizer::Load(folder.path());
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kIo);
      return std::string(e.what()).substr(folder.path().string().size() + 1);
    }
    return "";
  };
  EXPECT_EQ(error(), "vocab.json: cannot be read: No such file or directory");
  folder.Write("vocab.json", testing::SmallVocabulary({}).dump());
  EXPECT_EQ(error(), "merges.txt: cannot be read: No such file or directory");
  std::filesystem::create_directory(folder.path() / "merges.txt");
  EXPECT_EQ(error(), "merges.txt: cannot be read: Is a directory");
}

TEST(TokenizerFilesTest, RefusesBadIds) {
  EXPECT_EQ(VocabularyError([](json* ids) { (*ids)["the"] = -1; }),
            "vocab.json: token \"the\" has id -1, expected an integer from 0 to 16777215");
  EXPECT_EQ(VocabularyError([](json* ids) { (*ids)["the"] = 1.5; }),
            "vocab.json: token \"the\" has id 1.5, expected an integer from 0 to 16777215");
  EXPECT_EQ(VocabularyError([](json* ids) { (*ids)["the"] = 3000000000; }),
            "vocab.json: token \"the\" has id 3000000000, expected an integer from 0 to 16777215");
  EXPECT_EQ(VocabularyError([](json* ids) { (*ids)["the"] = "7"; }),
            "vocab.json: token \"the\" has id the string \"7\", expected an integer from 0 to 16777215");
  EXPECT_EQ(VocabularyError([](json* ids) { (*ids)["the"] = nullptr; }),
            "vocab.json: token \"the\" has id null, expected an integer from 0 to 16777215");
  EXPECT_EQ(VocabularyError([](json* ids) { (*ids)["the"] = json::array({1}); }),
            "vocab.json: token \"the\" has id an array, expected an integer from 0 to 16777215");
  EXPECT_EQ(VocabularyError([](json* ids) { (*ids)["the"] = json::object(); }),
            "vocab.json: token \"the\" has id an object, expected an integer from 0 to 16777215");
}

TEST(TokenizerFilesTest, RefusesRepeats) {
  EXPECT_EQ(VocabularyError([](json* ids) { (*ids)["the"] = 256; }),
            "vocab.json: tokens \"th\" and \"the\" both have id 256");
  std::string twice = testing::SmallVocabulary(Merges()).dump();
  twice.insert(twice.size() - 1, ",\"the\":259");
  EXPECT_EQ(LoadError(twice, ""), "vocab.json: token \"the\" is given twice, with ids 257 and 259");
}

// Of a vocabulary that lacks something: what can be said all the same.
TEST(TokenizerFilesTest, HolesAreTokensWithoutText) {
  const TemporaryFolder folder;
  json ids = testing::SmallVocabulary(Merges());
  ids["\u0120the"] = 300;
  folder.Write("vocab.json", ids.dump());
  folder.Write("merges.txt", testing::MergesText(Merges()));
  const Tokenizer tokenizer = Tokenizer::Load(folder.path());
  EXPECT_EQ(tokenizer.vocab_size(), 301);
  EXPECT_EQ(tokenizer.Encode(" the"), std::vector<TokenId>{300});
  EXPECT_EQ(tokenizer.TokenBytes(299), "");
  EXPECT_EQ(tokenizer.Decode(std::vector<TokenId>{'a', 299, 'b'}), "ab");
}

TEST(TokenizerFilesTest, BytesWithoutATokenAreLeftOutOfATextThatHasThem) {
  const TemporaryFolder folder;
  json ids = testing::SmallVocabulary(Merges());
  ids.erase("x");
  ids.erase("\u0120");
  ids["\u0120the"] = static_cast<int>('x');
  folder.Write("vocab.json", ids.dump());
  folder.Write("merges.txt", "t h\nth e\n");
  Warnings warnings;
  const Tokenizer tokenizer = Tokenizer::Load(folder.path(), &warnings);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(
      warnings[0].find("vocab.json: 2 of the 256 bytes have no token, byte 32 for one: in a text they are left out"),
      std::string::npos)
      << warnings[0];
  EXPECT_EQ(tokenizer.Encode("the"), std::vector<TokenId>{257});
  EXPECT_EQ(tokenizer.Encode("txhe x"), std::vector<TokenId>{257}) << "what is left stands side by side";
  EXPECT_EQ(tokenizer.Encode("xxx   "), std::vector<TokenId>{});
  const std::string longer = std::string(200, 'x') + "the" + std::string(100, 'x');
  EXPECT_EQ(tokenizer.Encode(longer), std::vector<TokenId>{257}) << "long pieces go another way";
}

TEST(TokenizerFilesTest, NamesOutsideTheByteAlphabetAreTheirOwnText) {
  const TemporaryFolder folder;
  json ids = testing::SmallVocabulary(Merges());
  ids["a b"] = 259;
  ids["\n"] = 260;
  ids["日本"] = 261;
  ids[""] = 262;
  folder.Write("vocab.json", ids.dump());
  folder.Write("merges.txt", testing::MergesText(Merges()));
  Warnings warnings;
  const Tokenizer tokenizer = Tokenizer::Load(folder.path(), &warnings);
  EXPECT_EQ(warnings, Warnings{});
  EXPECT_EQ(tokenizer.Decode(std::vector<TokenId>{259, 260, 261, 262}), "a b\n日本");
  EXPECT_EQ(tokenizer.Encode("a b\n"), (std::vector<TokenId>{'a', ' ', 'b', '\n'})) << "merges do not make them";
}

TEST(TokenizerFilesTest, RefusesWhatIsNoVocabulary) {
  EXPECT_EQ(LoadError("", ""), "vocab.json: not valid JSON: error at byte 1");
  EXPECT_EQ(LoadError("{\"a\": 1,", ""), "vocab.json: not valid JSON: error at byte 9");
  EXPECT_EQ(LoadError("{\"a\xFF\": 1}", ""), "vocab.json: not valid JSON: error at byte 4");
  EXPECT_EQ(LoadError("{} x", ""), "vocab.json: not valid JSON: error at byte 4");
  EXPECT_EQ(LoadError("[1]", ""), "vocab.json: is an array, expected an object of tokens and ids");
  EXPECT_EQ(LoadError("7", ""), "vocab.json: is 7, expected an object of tokens and ids");
  EXPECT_EQ(LoadError("{}", ""), "vocab.json: holds no token");
}

TEST(TokenizerFilesTest, AMergeThatIsGivenTwiceCountsWhereItIsLast) {
  const MergePairs merges = {{"t", "h"}, {"h", "e"}, {"th", "e"}};
  const auto encode = [&](const std::string& more) {
    const TemporaryFolder folder;
    folder.Write("vocab.json", testing::SmallVocabulary(merges).dump());
    folder.Write("merges.txt", testing::MergesText(merges) + more);
    return Tokenizer::Load(folder.path()).Encode("the");
  };
  EXPECT_EQ(encode(""), std::vector<TokenId>{258});
  EXPECT_EQ(encode("t h\n"), (std::vector<TokenId>{'t', 257}));
}

TEST(TokenizerFilesTest, RefusesBadMerges) {
  EXPECT_EQ(MergesError("t h\nzq e\n"), "merges.txt: line 2: merge \"zq e\" needs token \"zq\", which has no id");
  EXPECT_EQ(MergesError("t h\ne zq\n"), "merges.txt: line 2: merge \"e zq\" needs token \"zq\", which has no id");
  EXPECT_EQ(MergesError("#version: 0.2\ne t\n"),
            "merges.txt: line 2: merge \"e t\" needs token \"et\", which has no id");
  for (const std::string line : {"th", "t  h", " t h", "t h ", "t h e", "t\\x09h", "#version", ""}) {
    std::string written = line;
    if (const size_t tab = written.find("\\x09"); tab != std::string::npos) written.replace(tab, 4, "\t");
    EXPECT_EQ(MergesError("t h\n" + written + "\nth e\n"),
              "merges.txt: line 2: \"" + line + "\" is not two tokens parted by one space");
  }
  EXPECT_EQ(MergesError(std::string(500, 'x')),
            "merges.txt: line 1: \"" + std::string(160, 'x') + "...\" is not two tokens parted by one space");
}

}  // namespace
}  // namespace dcp
