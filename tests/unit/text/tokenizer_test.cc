#include "dcp/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "dcp/error.h"
#include "tests/unit/text/naive_bpe.h"
#include "tests/unit/text/small_vocabulary.h"

namespace dcp {
namespace {

using testing::MergePairs;
using testing::TemporaryFolder;

Tokenizer MakeTokenizer(const MergePairs& merges, const std::vector<std::string>& extra = {}) {
  const TemporaryFolder folder;
  folder.Write("vocab.json", testing::SmallVocabulary(merges, extra).dump());
  folder.Write("merges.txt", "#version: 0.2\n" + testing::MergesText(merges));
  return Tokenizer::Load(folder.path());
}

std::vector<std::string> Tokens(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::string> tokens;
  for (TokenId id : tokenizer.Encode(text)) tokens.emplace_back(tokenizer.TokenBytes(id));
  return tokens;
}

std::string RandomBytes(size_t count, std::mt19937* random) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes.push_back(static_cast<char>((*random)()));
  return bytes;
}

// Strings of an alphabet where every rule of the pre-tokenizer and much of UTF-8 is at stake.
std::string NastyText(size_t count, std::mt19937* random) {
  static const std::vector<std::string> kAlphabet = {"a",
                                                     "b",
                                                     "s",
                                                     "t",
                                                     "r",
                                                     "e",
                                                     "v",
                                                     "l",
                                                     "m",
                                                     "d",
                                                     "I",
                                                     "'",
                                                     "'",
                                                     "'s",
                                                     "'ll",
                                                     "'re",
                                                     " ",
                                                     " ",
                                                     "  ",
                                                     "\t",
                                                     "\n",
                                                     "\r\n",
                                                     "1",
                                                     "2",
                                                     "!",
                                                     ".",
                                                     "_",
                                                     "é",
                                                     "e\u0301",
                                                     "漢",
                                                     "٣",
                                                     "²",
                                                     "👍",
                                                     "\u200D",
                                                     "\u00A0",
                                                     "\u0085",
                                                     "\u3000",
                                                     "\uFEFF",
                                                     "\x1C",
                                                     "\xFF",
                                                     "\xC0",
                                                     "\xE2\x82",
                                                     "\xF0\x9F\x91",
                                                     "\x80",
                                                     "\xED\xA0\x80"};
  std::string text;
  for (size_t i = 0; i < count; ++i) text += kAlphabet[(*random)() % kAlphabet.size()];
  return text;
}

// Merges of random neighbours out of what earlier merges made, in random order of rank: a result may be made in two
// ways, and a merge may outrank those that make its halves, as no trained list would have it.
MergePairs RandomMerges(size_t count, const std::string& letters, std::mt19937* random) {
  std::vector<std::string> tokens;
  for (char letter : letters) tokens.emplace_back(1, letter);
  MergePairs merges;
  while (merges.size() < count) {
    std::pair<std::string, std::string> merge(tokens[(*random)() % tokens.size()], tokens[(*random)() % tokens.size()]);
    if (merge.first.size() + merge.second.size() > 12) continue;
    if (std::find(merges.begin(), merges.end(), merge) != merges.end()) continue;
    tokens.push_back(merge.first + merge.second);
    merges.push_back(merge);
  }
  std::shuffle(merges.begin(), merges.end(), *random);
  return merges;
}

TEST(TokenizerTest, MergesByRank) {
  const Tokenizer tokenizer = MakeTokenizer({{"h", "e"}, {"l", "l"}, {"he", "ll"}, {"l", "o"}, {" ", "w"}, {"a", "a"}});
  EXPECT_EQ(Tokens(tokenizer, "hello"), (std::vector<std::string>{"hell", "o"}));
  EXPECT_EQ(Tokens(tokenizer, "helo"), (std::vector<std::string>{"he", "lo"}));
  EXPECT_EQ(Tokens(tokenizer, "aaaaa"), (std::vector<std::string>{"aa", "aa", "a"}));  // left to right
  EXPECT_EQ(Tokens(tokenizer, "a w  w"), (std::vector<std::string>{"a", " w", " ", " w"}));
  EXPECT_EQ(tokenizer.Encode("he"), std::vector<TokenId>{256});
  EXPECT_EQ(tokenizer.vocab_size(), 262);
  EXPECT_TRUE(tokenizer.Encode("").empty());
}

TEST(TokenizerTest, NeverMergesAcrossPieces) {
  const Tokenizer tokenizer = MakeTokenizer({{"a", "1"}, {"a", " "}, {"\n", "a"}});
  EXPECT_EQ(Tokens(tokenizer, "a1\na a"), (std::vector<std::string>{"a", "1", "\n", "a", " ", "a"}));
}

// A pair that comes up during a sweep waits for the sweep to end, though it has the lower rank.
TEST(TokenizerTest, FinishesAPairBeforeTheNext) {
  const MergePairs merges = {{"xy", "x"}, {"x", "y"}};
  const std::string text = "xyxyxy";
  ASSERT_EQ(testing::NaiveMerge(text, merges), (std::vector<std::string>{"xy", "xy", "xy"}));
  const Tokenizer tokenizer = MakeTokenizer(merges);
  EXPECT_EQ(Tokens(tokenizer, text), testing::NaiveMerge(text, merges));
  std::string long_text;
  for (int i = 0; i < 50; ++i) long_text += text;
  EXPECT_EQ(Tokens(tokenizer, long_text), testing::NaiveMerge(long_text, merges));
}

TEST(TokenizerTest, EqualsTheDefinitionOnNastyText) {
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    const MergePairs merges = RandomMerges(60, "abstrevlmd' \xC3\xA9\xE2\x82\xCC\x81", &random);
    const Tokenizer tokenizer = MakeTokenizer(merges);
    for (int i = 0; i < 40; ++i) {
      const std::string text = NastyText(1 + random() % 40, &random);
      std::vector<std::string> expected;
      for (const std::string& piece : testing::NaivePieces(text)) {
        for (const std::string& token : testing::NaiveMerge(piece, merges)) expected.push_back(token);
      }
      ASSERT_EQ(Tokens(tokenizer, text), expected) << ::testing::PrintToString(text);
    }
  }
}

// Lengths on both sides of the change from arrays to a heap.
TEST(TokenizerTest, EqualsTheDefinitionOnLongWords) {
  std::mt19937 random(2);
  for (int round = 0; round < 60; ++round) {
    const MergePairs merges = RandomMerges(30, "abc", &random);
    const Tokenizer tokenizer = MakeTokenizer(merges);
    for (size_t length : {1, 2, 3, 20, 63, 64, 65, 66, 200}) {
      std::string text;
      for (size_t i = 0; i < length; ++i) text.push_back("abc"[random() % 3]);
      ASSERT_EQ(Tokens(tokenizer, text), testing::NaiveMerge(text, merges)) << text;
    }
  }
}

TEST(TokenizerTest, GivesBackAnyBytes) {
  std::mt19937 random(3);
  const Tokenizer tokenizer = MakeTokenizer(RandomMerges(50, "ab '\xE2\x82\xAC", &random));
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode(all)), all);
  for (size_t length = 0; length < 300; ++length) {
    const std::string text = length % 2 == 0 ? RandomBytes(length, &random) : NastyText(length, &random);
    ASSERT_EQ(tokenizer.Decode(tokenizer.Encode(text)), text) << ::testing::PrintToString(text);
  }
}

// A quadratic merge would take minutes here; this takes well under a second.
TEST(TokenizerTest, LongRunsOfALetterAreNotQuadratic) {
  const Tokenizer tokenizer = MakeTokenizer({{"a", "a"}, {"aa", "aa"}, {"aaaa", "aaaa"}});
  const auto start = std::chrono::steady_clock::now();
  const std::vector<TokenId> ids = tokenizer.Encode(std::string((1 << 20) + 3, 'a'));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  ASSERT_EQ(ids.size(), (1u << 17) + 2);
  EXPECT_EQ(tokenizer.TokenBytes(ids.front()), "aaaaaaaa");
  EXPECT_EQ(tokenizer.Decode(std::span(ids).last(2)), "aaa");
}

// A long text is encoded with a memory for its words, which must not show.
TEST(TokenizerTest, LongTextsAreEncodedLikeShortOnes) {
  std::mt19937 random(5);
  const Tokenizer tokenizer = MakeTokenizer(RandomMerges(80, "abstre' ", &random));
  std::string text;
  std::vector<TokenId> expected;
  while (text.size() < 300000) {
    const std::string line = "x" + NastyText(random() % 200, &random) + "x\n";  // no piece goes over its end
    text += line;
    const std::vector<TokenId> ids = tokenizer.Encode(line);
    expected.insert(expected.end(), ids.begin(), ids.end());
  }
  EXPECT_EQ(tokenizer.Encode(text + "x"), (expected.push_back('x'), expected));
}

TEST(TokenizerTest, RefusesIdsOutsideTheVocabulary) {
  const Tokenizer tokenizer = MakeTokenizer({});
  for (TokenId id : {-1, 256, INT32_MAX, INT32_MIN}) {
    try {
      tokenizer.Decode(std::vector<TokenId>{65, id});
      FAIL() << id;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_EQ(error.what(), "token id " + std::to_string(id) + " is outside the tokenizer's vocabulary of 256");
    }
  }
}

TEST(TokenizerTest, ServesManyThreads) {
  std::mt19937 random(4);
  const Tokenizer tokenizer = MakeTokenizer(RandomMerges(50, "abstre' ", &random));
  const std::string text = NastyText(5000, &random);
  const std::vector<TokenId> expected = tokenizer.Encode(text);
  std::vector<std::vector<TokenId>> results(4);
  std::vector<std::thread> threads;
  for (auto& result : results) threads.emplace_back([&] { result = tokenizer.Encode(text); });
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) EXPECT_EQ(result, expected);
}

}  // namespace
}  // namespace dcp
