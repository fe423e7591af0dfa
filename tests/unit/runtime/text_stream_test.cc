#include "runtime/text_stream.h"

#include <gtest/gtest.h>

#include "tests/unit/text/small_vocabulary.h"

namespace dcp {
namespace {

class TextStreamTest : public ::testing::Test {
 protected:
  TextStreamTest() {
    const testing::MergePairs merges = {{"a", "b"}, {"ab", "c"}};
    folder_.Write("vocab.json", testing::SmallVocabulary(merges, {"<|endoftext|>", "<e>"}).dump());
    folder_.Write("special_tokens_map.json", R"({"additional_special_tokens": ["<e>"]})");
    folder_.Write("merges.txt", testing::MergesText(merges));
    tokenizer_.emplace(Tokenizer::Load(folder_.path()));
  }

  // Pushes every byte as a token of its own and returns what became certain with each, the end last.
  std::vector<std::string> Pieces(const std::string& text, const std::vector<std::string>& stop) {
    TextStream stream(*tokenizer_, stop);
    std::vector<std::string> pieces;
    std::string all;
    for (char byte : text) {
      pieces.emplace_back(stream.Push(static_cast<uint8_t>(byte)));
      all += pieces.back();
      EXPECT_EQ(stream.text(), all);
    }
    pieces.emplace_back(stream.Finish());
    EXPECT_EQ(stream.text(), all + pieces.back());
    stopped_ = stream.stopped();
    return pieces;
  }

  using Strings = std::vector<std::string>;
  testing::TemporaryFolder folder_;
  std::optional<Tokenizer> tokenizer_;
  bool stopped_ = false;
};

TEST_F(TextStreamTest, WithoutStopTextsEverythingPassesAtOnce) {
  EXPECT_EQ(Pieces("abc", {}), (Strings{"a", "b", "c", ""}));
  EXPECT_FALSE(stopped_);
}

TEST_F(TextStreamTest, HoldsBackWhatMayBecomeAStopText) {
  EXPECT_EQ(Pieces("xSTO!y", {"STOP"}), (Strings{"x", "", "", "", "STO!", "y", ""}));
  EXPECT_EQ(Pieces("xSTOPy", {"STOP"}), (Strings{"x", "", "", "", "", "", ""}));
  EXPECT_TRUE(stopped_);
}

TEST_F(TextStreamTest, WhatWasHeldBackComesAtTheEnd) {
  EXPECT_EQ(Pieces("aST", {"STOP"}), (Strings{"a", "", "", "ST"}));
  EXPECT_FALSE(stopped_);
}

// "aab" in "aaab": the first attempt fails, but its end begins the next one.
TEST_F(TextStreamTest, ASelfOverlappingStopText) {
  EXPECT_EQ(Pieces("aaab", {"aab"}), (Strings{"", "", "a", "", ""}));
  EXPECT_TRUE(stopped_);
  EXPECT_EQ(Pieces("aaac", {"aab"}), (Strings{"", "", "a", "aac", ""}));
}

TEST_F(TextStreamTest, OverlappingStopTexts) {
  EXPECT_EQ(Pieces("xabd", {"abc", "bd"}), (Strings{"x", "", "", "a", ""}));
  EXPECT_TRUE(stopped_);
  EXPECT_EQ(Pieces("ab", {"b", "ab"}), (Strings{"", "", ""})) << "the one that begins first";
  EXPECT_EQ(Pieces("xyz", {"z", "yz", "q"}), (Strings{"x", "", "", ""}));
}

TEST_F(TextStreamTest, AStopTextWithinOneToken) {
  const TokenId abc = 257;
  ASSERT_EQ(tokenizer_->TokenBytes(abc), "abc");
  const std::vector<std::string> stop = {"b"};
  TextStream stream(*tokenizer_, stop);
  EXPECT_EQ(stream.Push('x'), "x");
  EXPECT_EQ(stream.Push(abc), "a");
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(stream.Push('y'), "") << "nothing comes after a stop text";
  EXPECT_EQ(stream.Finish(), "");
  EXPECT_EQ(stream.text(), "xa");
}

TEST_F(TextStreamTest, SpecialTokensStopAndAreNotShown) {
  const TokenId end_of_text = 258, e = 259;
  const std::vector<std::string> stop = {"x\n<e>", "<|endoftext|>"};
  TextStream stream(*tokenizer_, stop);
  EXPECT_EQ(stream.Push('a'), "a");
  EXPECT_EQ(stream.Push(e), "") << "it is of no stop text here";
  EXPECT_FALSE(stream.stopped());
  EXPECT_EQ(stream.Push('x'), "");
  EXPECT_EQ(stream.Push('\n'), "");
  EXPECT_EQ(stream.Push('y'), "x\ny");
  EXPECT_EQ(stream.Push('x'), "");
  EXPECT_EQ(stream.Push('\n'), "");
  EXPECT_EQ(stream.Push(e), "");
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(stream.Finish(), "");
  EXPECT_EQ(stream.text(), "ax\ny");

  TextStream other(*tokenizer_, stop);
  EXPECT_EQ(other.Push('\xC3' & 0xFF), "");
  EXPECT_EQ(other.Push(end_of_text), "\xC3") << "what it cuts short comes out";
  EXPECT_TRUE(other.stopped());

  TextStream held(*tokenizer_, stop);
  EXPECT_EQ(held.Push('x'), "");
  EXPECT_EQ(held.Push('\n'), "");
  EXPECT_EQ(held.Finish(), "x\n");
  TextStream hidden(*tokenizer_, stop);
  EXPECT_EQ(hidden.Push('<'), "");
  EXPECT_EQ(hidden.Push(e), "<");
  EXPECT_EQ(hidden.Finish(), "") << "held back, but not to be shown";
}

TEST_F(TextStreamTest, CharactersAreWholeAndCutOnesComeAtTheEnd) {
  EXPECT_EQ(Pieces("\xC3\xA9!", {}), (Strings{"", "\xC3\xA9", "!", ""}));
  EXPECT_EQ(Pieces("a\xE2\x82", {}), (Strings{"a", "", "", "\xE2\x82"}));
  EXPECT_EQ(Pieces("\xE2\x82\xAC", {"\xE2\x82\xAC"}), (Strings{"", "", "", ""}));
  EXPECT_TRUE(stopped_);
}

}  // namespace
}  // namespace dcp
