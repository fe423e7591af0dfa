#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dcp/error.h"
#include "dcp/tokenizer.h"
#include "support/utf8.h"
#include "tests/unit/text/small_vocabulary.h"

namespace dcp {
namespace {

using testing::TemporaryFolder;

// Ids 0..255 are the bytes; 256 is "\x9F\x91" (the middle of an emoji), 257 "a\xF0".
Tokenizer MakeTokenizer() {
  const TemporaryFolder folder;
  const testing::MergePairs merges = {{"\x9F", "\x91"}, {"a", "\xF0"}};
  folder.Write("vocab.json", testing::SmallVocabulary(merges).dump());
  folder.Write("merges.txt", testing::MergesText(merges));
  return Tokenizer::Load(folder.path());
}

// What each byte of `bytes`, pushed on its own, brings out; Flush() at the end.
std::vector<std::string> PushBytes(const Tokenizer& tokenizer, std::string_view bytes) {
  StreamDecoder decoder(tokenizer);
  std::vector<std::string> out;
  for (char byte : bytes) out.push_back(decoder.Push(static_cast<uint8_t>(byte)));
  out.push_back(decoder.Flush());
  return out;
}

using Strings = std::vector<std::string>;

TEST(StreamDecoderTest, HoldsCharactersUntilTheyAreWhole) {
  const Tokenizer tokenizer = MakeTokenizer();
  EXPECT_EQ(PushBytes(tokenizer, "ab"), (Strings{"a", "b", ""}));
  EXPECT_EQ(PushBytes(tokenizer, "é"), (Strings{"", "é", ""}));
  EXPECT_EQ(PushBytes(tokenizer, "€x"), (Strings{"", "", "€", "x", ""}));
  EXPECT_EQ(PushBytes(tokenizer, "👍"), (Strings{"", "", "", "👍", ""}));
}

TEST(StreamDecoderTest, ReleasesWhatCanNoLongerBecomeACharacter) {
  const Tokenizer tokenizer = MakeTokenizer();
  EXPECT_EQ(PushBytes(tokenizer,
                      "\xE2\x82"
                      "A"),
            (Strings{"", "",
                     "\xE2\x82"
                     "A",
                     ""}));
  EXPECT_EQ(PushBytes(tokenizer, "\xF0\x9F\xC3\xA9"), (Strings{"", "", "\xF0\x9F", "é", ""}));
  EXPECT_EQ(PushBytes(tokenizer, "\xED\xA0\x80"), (Strings{"", "\xED\xA0", "\x80", ""}));
  EXPECT_EQ(PushBytes(tokenizer, "\xFF\x80"), (Strings{"\xFF", "\x80", ""}));
  EXPECT_EQ(PushBytes(tokenizer, "\xF0\x9F\x91"), (Strings{"", "", "", "\xF0\x9F\x91"}));
}

TEST(StreamDecoderTest, TokensMayHoldPartsOfSeveralCharacters) {
  const Tokenizer tokenizer = MakeTokenizer();
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.Push(257), "a");
  EXPECT_EQ(decoder.Push(256), "");
  EXPECT_EQ(decoder.Push(0x8D), "👍");
  EXPECT_EQ(decoder.Flush(), "");
}

TEST(StreamDecoderTest, FlushStartsAnew) {
  const Tokenizer tokenizer = MakeTokenizer();
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.Push(0xE2), "");
  EXPECT_EQ(decoder.Flush(), "\xE2");
  EXPECT_EQ(decoder.Push(0x82), "\x82");  // a beginning no more
}

TEST(StreamDecoderTest, ABadIdChangesNothing) {
  const Tokenizer tokenizer = MakeTokenizer();
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.Push(0xC3), "");
  EXPECT_THROW(decoder.Push(258), Error);
  EXPECT_EQ(decoder.Push(0xA9), "é");
}

// Where characters, and bytes that belong to none, begin; and the end.
std::set<size_t> Boundaries(std::string_view text) {
  std::set<size_t> boundaries;
  for (size_t i = 0; i < text.size();) {
    boundaries.insert(i);
    const Utf8Char character = ReadUtf8(text.substr(i));
    i += character.status == Utf8Status::kValid ? character.length : 1;
  }
  boundaries.insert(text.size());
  return boundaries;
}

TEST(StreamDecoderTest, EqualsDecodeOnAnyIdsAndNeverCuts) {
  const Tokenizer tokenizer = MakeTokenizer();
  // Lead and continuation bytes far more often than chance would have them.
  const std::vector<TokenId> pool = {'a', 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x91, 0x8D, 0xED, 0xFF, 256, 257};
  std::mt19937 random(5);
  for (int round = 0; round < 2000; ++round) {
    StreamDecoder decoder(tokenizer);
    std::vector<TokenId> ids;
    std::string streamed;
    std::vector<size_t> cuts;
    for (size_t i = 0, count = random() % 30; i < count; ++i) {
      ids.push_back(pool[random() % pool.size()]);
      streamed += decoder.Push(ids.back());
      cuts.push_back(streamed.size());
      ASSERT_LE(tokenizer.Decode(ids).size() - streamed.size(), 3u);
    }
    const std::string whole = tokenizer.Decode(ids);
    ASSERT_EQ(streamed + decoder.Flush(), whole);
    const std::set<size_t> boundaries = Boundaries(whole);
    for (size_t cut : cuts) ASSERT_TRUE(boundaries.contains(cut)) << cut << " in " << ::testing::PrintToString(whole);
  }
}

}  // namespace
}  // namespace dcp
