#include "text/pretokenizer.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace dcp {
namespace {

std::string Joined(std::string_view text) {
  std::string joined;
  while (!text.empty()) {
    const std::string_view piece = NextPiece(text);
    if (piece.empty()) return joined + "<stuck>";
    joined += (joined.empty() ? "" : "|") + std::string(piece);
    text.remove_prefix(piece.size());
  }
  return joined;
}

struct Case {
  std::string_view text;
  std::string_view pieces;  // parted by '|'
};

void Check(const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(Joined(c.text), c.pieces) << ::testing::PrintToString(c.text);
}

TEST(PreTokenizerTest, WordsNumbersAndTheRest) {
  Check({{"", ""},
         {"Hello world", "Hello| world"},
         {"abc123 45a", "abc|123| 45|a"},
         {"foo_bar, (x)", "foo|_|bar|,| (|x|)"},
         {"3.14 = pi!", "3|.|14| =| pi|!"},
         {"a!?b", "a|!?|b"}});
}

TEST(PreTokenizerTest, Contractions) {
  Check({{"I'm you're he's we've I'll can't I'd", "I|'m| you|'re| he|'s| we|'ve| I|'ll| can|'t| I|'d"},
         {"I'M HE'S", "I|'|M| HE|'|S"},  // lower case only
         {"'sun 'tis", "'s|un| '|tis"},  // wherever a match begins, even before more letters
         {"!'s ''s", "!'|s| ''|s"},      // but not inside a run of others
         {"a'lb 'l", "a|'|lb| '|l"},     // half an ending
         {"it’s", "it|’|s"},             // not the curly quote
         {"x'", "x|'"}});
}

TEST(PreTokenizerTest, RunsOfSpacesKeepTheirLastOneForWhatFollows) {
  Check({{" ", " "},
         {"   ", "   "},
         {"a b", "a| b"},
         {"a  b", "a| | b"},
         {"a    b", "a|   | b"},
         {"a   !", "a|  | !"},
         {"a   1", "a|  | 1"},
         {"a   ", "a|   "},
         {"  a", " | a"}});
}

TEST(PreTokenizerTest, OtherSpacesDoNotJoinAWord) {
  Check({{"a\nb", "a|\n|b"},
         {"a\n\nb", "a|\n|\n|b"},
         {"a\r\nb", "a|\r|\n|b"},
         {"a\n b", "a|\n| b"},
         {"a \nb", "a| |\n|b"},
         {"a\t\tb", "a|\t|\t|b"},
         {"a\n\n", "a|\n\n"},
         {" \n", " \n"},
         {"a\u00A0b", "a|\u00A0|b"},  // no-break space
         {"a \u00A0b", "a| |\u00A0|b"},
         {"a\u3000\u3000b", "a|\u3000|\u3000|b"},           // ideographic space
         {"a\xC2\x85\xC2\x85 b", "a|\xC2\x85\xC2\x85| b"},  // next line, U+0085
         {"a \x1C b", "a| \x1C| b"},                        // the separators U+001C..1F are no White_Space
         {"\uFEFFa\u200Bb", "\uFEFF|a|\u200B|b"}});         // nor are the byte order mark and the zero-width space
}

TEST(PreTokenizerTest, ClassesOfAllScripts) {
  Check({{"日本語、漢字", "日本語|、|漢字"},
         {"العدد ٣٤", "العدد| ٣٤"},
         {"e\u0301t", "e|\u0301|t"},  // a combining mark is no letter
         {"x²½Ⅷ①y", "x|²½Ⅷ①|y"},
         {"a👍🏽\u200D🚀b", "a|👍🏽\u200D🚀|b"},
         {"Привет мир", "Привет| мир"},
         {"𝒜𝟘", "𝒜|𝟘"}});
}

TEST(PreTokenizerTest, BytesOutsideUtf8AreOthers) {
  Check({{"a\xFF\xFE"
          "b",
          "a|\xFF\xFE|b"},
         {"a \x80", "a| \x80"},
         {"\xE2\x82 a", "\xE2\x82| a"},  // truncated
         {"\xC0\xA0"
          "a",
          "\xC0\xA0|a"},  // overlong space
         {"\xE0\x80\xA0 ", "\xE0\x80\xA0| "},
         {"\xED\xA0\x80"
          "1",
          "\xED\xA0\x80|1"},  // surrogate
         {"\xF4\x90\x80\x80"
          "1",
          "\xF4\x90\x80\x80|1"},  // beyond U+10FFFF
         {"  \xFF", " | \xFF"},
         {"!\xF0\x9F\x91", "!\xF0\x9F\x91"},
         {std::string_view("a\0b", 3), std::string_view("a|\0|b", 5)}});
}

}  // namespace
}  // namespace dcp
