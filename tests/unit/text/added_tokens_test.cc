#include "text/added_tokens.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "dcp/tokenizer.h"
#include "tests/unit/text/naive_added_tokens.h"
#include "tests/unit/text/naive_bpe.h"
#include "tests/unit/text/small_vocabulary.h"

namespace dcp {
namespace {

using Strings = std::vector<std::string>;
using testing::NaiveCut;
using testing::NaiveSegments;

AddedToken Token(const std::string& content, TokenId id) {
  AddedToken token;
  token.content = content;
  token.id = id;
  token.normalized = false;
  return token;
}

// "text" of ordinary text, "[text]" of a token.
Strings Cut(const std::vector<AddedToken>& tokens, const std::string& text, bool special = true) {
  const AddedTokenMatcher matcher(tokens);
  Strings segments;
  for (const TextSegment& segment : matcher.Cut(text, special)) {
    segments.emplace_back(segment.id < 0 ? std::string(segment.text) : "[" + std::string(segment.text) + "]");
  }
  return segments;
}

TEST(AddedTokensTest, TheLongestThatBeginsFirst) {
  const std::vector<AddedToken> tokens = {Token("<a>", 1), Token("<a><b>", 2), Token("b>", 3), Token("<a", 4)};
  EXPECT_EQ(Cut(tokens, "x<a>y"), (Strings{"x", "[<a>]", "y"}));
  EXPECT_EQ(Cut(tokens, "<a><b><b>"), (Strings{"[<a><b>]", "<", "[b>]"}));
  EXPECT_EQ(Cut(tokens, "<a<a><a><"), (Strings{"[<a]", "[<a>]", "[<a>]", "<"}));
  EXPECT_EQ(Cut(tokens, ""), Strings{});
  EXPECT_EQ(Cut({}, "<a>"), Strings{"<a>"});
}

TEST(AddedTokensTest, TheyTakeTheSpacesBesideThem) {
  std::vector<AddedToken> tokens = {Token("<l>", 1), Token("<r>", 2)};
  tokens[0].lstrip = tokens[1].rstrip = true;
  EXPECT_EQ(Cut(tokens, "a \n\u3000<l> b"), (Strings{"a", "[ \n\u3000<l>]", " b"}));
  EXPECT_EQ(Cut(tokens, "a <r>\t\u00a0 b"), (Strings{"a ", "[<r>\t\u00a0 ]", "b"}));
  EXPECT_EQ(Cut(tokens, "<r>  <l>"), (Strings{"[<r>  ]", "[<l>]"})) << "the first one has them";
  EXPECT_EQ(Cut(tokens, "a\xA0<l>"), (Strings{"a\xA0", "[<l>]"})) << "a lone byte is no space";
}

// Each of them takes a run of spaces of which the next one is a part; looking through all of it for each would take
// minutes.
TEST(AddedTokensTest, RunsOfSpacesAreNotQuadratic) {
  std::vector<AddedToken> tokens = {Token(" ", 1), Token("\n", 2)};
  tokens[0].rstrip = tokens[1].lstrip = true;
  const std::string spaces(1 << 19, ' '), lines(1 << 19, '\n');
  const auto start = std::chrono::steady_clock::now();
  const AddedTokenMatcher matcher(tokens);
  EXPECT_EQ(matcher.Cut(spaces, true).size(), spaces.size());  // views; copies of them would be quadratic
  EXPECT_EQ(matcher.Cut(lines, true).size(), lines.size());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(AddedTokensTest, SingleWordsStandAlone) {
  std::vector<AddedToken> tokens = {Token("ab", 1), Token("b!", 2)};
  tokens[0].single_word = true;
  EXPECT_EQ(Cut(tokens, "ab, ab-ab (ab)"), (Strings{"[ab]", ", ", "[ab]", "-", "[ab]", " (", "[ab]", ")"}));
  for (const std::string text : {"abc", "ab_", "1ab", "éab", "ab\u0301", "ab\u200d"}) {
    EXPECT_EQ(Cut(tokens, text), Strings{text});
  }
  EXPECT_EQ(Cut(tokens, "xab!"), Strings{"xab!"}) << "what begins inside a token that may not stand is not looked for";
  EXPECT_EQ(Cut(tokens, "xb!"), (Strings{"x", "[b!]"}));
}

TEST(AddedTokensTest, TheNormalizedComeSecond) {
  std::vector<AddedToken> tokens = {Token("<a>", 1), Token("x<a>", 2), Token("w", 3)};
  tokens[1].normalized = tokens[2].normalized = tokens[2].single_word = true;
  EXPECT_EQ(Cut(tokens, "x<a>"), (Strings{"x", "[<a>]"})) << "the first round leaves nothing of it";
  EXPECT_EQ(Cut(tokens, "<a>w<a>ww"), (Strings{"[<a>]", "[w]", "[<a>]", "ww"})) << "a round sees its stretch alone";
}

TEST(AddedTokensTest, SpecialOnesCanBeLeftAsText) {
  std::vector<AddedToken> tokens = {Token("<s>", 1), Token("s>", 2), Token("<u>", 3)};
  tokens[0].special = true;
  EXPECT_EQ(Cut(tokens, "<s><u>s>"), (Strings{"[<s>]", "[<u>]", "[s>]"}));
  EXPECT_EQ(Cut(tokens, "<s><u>s>", /*special=*/false), (Strings{"<s>", "[<u>]", "[s>]"}));
}

// Alphabets in which tokens overlap, begin in each other's spaces, and touch words.
std::string RandomText(std::mt19937& random, size_t most, bool any_bytes) {
  static const Strings kAlphabet = {"a",  "b",  "ab", "<",  ">",      "<a>",    "_", "1", " ", " ",
                                    "\n", "\t", "é",  "日", "\u00a0", "\u3000", "!", "-", "😀", "\u0301"};
  std::string text;
  for (size_t i = random() % (most + 1); i > 0; --i) {
    if (any_bytes && random() % 8 == 0) {
      text.push_back(static_cast<char>(random()));
    } else {
      text += kAlphabet[random() % kAlphabet.size()];
    }
  }
  return text;
}

std::vector<AddedToken> RandomTokens(std::mt19937& random, TokenId first_id) {
  std::vector<AddedToken> tokens;
  for (size_t i = 1 + random() % 8; i > 0; --i) {
    AddedToken token = Token(RandomText(random, 4, false), first_id + static_cast<TokenId>(tokens.size()));
    token.single_word = random() % 3 == 0;
    token.lstrip = random() % 3 == 0;
    token.rstrip = random() % 3 == 0;
    token.normalized = random() % 2 == 0;
    token.special = random() % 2 == 0;
    const bool known = std::any_of(tokens.begin(), tokens.end(), [&](auto& t) { return t.content == token.content; });
    if (!token.content.empty() && !known) tokens.push_back(token);
  }
  return tokens;
}

TEST(AddedTokensTest, EqualsTheRulesOnRandomTokensAndTexts) {
  std::mt19937 random(13);
  size_t found = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::vector<AddedToken> tokens = RandomTokens(random, 256);
    const AddedTokenMatcher matcher(tokens);
    const std::string text = RandomText(random, 24, round % 2 == 0);
    const bool special = random() % 2 == 0;
    NaiveSegments cut;
    for (const TextSegment& segment : matcher.Cut(text, special)) cut.emplace_back(segment.text, segment.id);
    ASSERT_EQ(cut, NaiveCut(text, tokens, special)) << ::testing::PrintToString(text);
    found += static_cast<size_t>(std::count_if(cut.begin(), cut.end(), [](auto& s) { return s.second >= 0; }));
  }
  EXPECT_GT(found, 5000u) << "the texts hold too few tokens to tell anything";
}

// A whole tokenizer against all its rules: added tokens, pieces, merges.
TEST(AddedTokensTest, ATokenizerEqualsAllTheRulesAndIsLossless) {
  const testing::MergePairs merges = {{"a", "b"}, {" ", "a"}, {" ", " "}, {"ab", "ab"}, {"\xC3", "\xA9"}, {"<", "a"}};
  std::mt19937 random(31);
  for (int tokenizers = 0; tokenizers < 40; ++tokenizers) {
    std::vector<AddedToken> tokens = RandomTokens(random, 256 + static_cast<TokenId>(merges.size()));
    const nlohmann::json vocabulary = testing::SmallVocabulary(merges);
    std::erase_if(tokens, [&](const AddedToken& token) { return vocabulary.contains(token.content); });
    nlohmann::json decoder = nlohmann::json::object();
    for (AddedToken& token : tokens) {
      token.lstrip = token.rstrip = false;  // what they take is lost
      decoder[std::to_string(token.id)] = {{"content", token.content},
                                           {"single_word", token.single_word},
                                           {"normalized", token.normalized},
                                           {"special", token.special}};
    }
    const testing::TemporaryFolder folder;
    folder.Write("vocab.json", vocabulary.dump());
    folder.Write("merges.txt", testing::MergesText(merges));
    folder.Write("tokenizer_config.json", nlohmann::json{{"added_tokens_decoder", decoder}}.dump());
    const Tokenizer tokenizer = Tokenizer::Load(folder.path());
    for (int i = 0; i < 250; ++i) {
      const std::string text = RandomText(random, 40, true);
      const bool special = random() % 2 == 0;
      std::vector<std::string> expected;
      for (const auto& [segment, id] : NaiveCut(text, tokens, special)) {
        if (id >= 0) expected.push_back("id " + std::to_string(id));
        if (id >= 0) continue;
        for (const std::string& piece : testing::NaivePieces(segment)) {
          for (const std::string& token : testing::NaiveMerge(piece, merges)) expected.push_back(token);
        }
      }
      const std::vector<TokenId> ids = tokenizer.Encode(text, {.special = special});
      std::vector<std::string> got;
      for (const TokenId id : ids) {
        const bool added = id >= 256 + static_cast<TokenId>(merges.size());
        got.push_back(added ? "id " + std::to_string(id) : std::string(tokenizer.TokenBytes(id)));
      }
      ASSERT_EQ(got, expected) << ::testing::PrintToString(text);
      ASSERT_EQ(tokenizer.Decode(ids), text) << ::testing::PrintToString(text);
    }
  }
}

}  // namespace
}  // namespace dcp
