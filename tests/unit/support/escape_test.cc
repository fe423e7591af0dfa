#include "support/escape.h"

#include <gtest/gtest.h>

namespace dcp {
namespace {

TEST(EscapeTest, OneLineKeepsTextAndShowsTheRestAsBytes) {
  EXPECT_EQ(OneLine("a\tb\x1b[31m\u00e9\x7f\n"), "a\\x09b\\x1b[31m\u00e9\\x7f\\n");
  EXPECT_EQ(OneLine("\xff|\xe2\x82|\xf0\x9f"), "\\xff|\\xe2\\x82|\\xf0\\x9f");  // not UTF-8, cut off
  EXPECT_EQ(OneLine("\u2028\u202e\ufeff\u0085"), "\\xe2\\x80\\xa8\\xe2\\x80\\xae\\xef\\xbb\\xbf\\xc2\\x85");
  EXPECT_EQ(OneLine("\"\\"), "\"\\");
}

TEST(EscapeTest, LongTextIsCutBetweenCharacters) {
  EXPECT_EQ(OneLine("\u00e9\u00e9\u00e9", 3), "\u00e9\u00e9...");
  EXPECT_EQ(OneLine("abc", 3), "abc");
  EXPECT_EQ(Quote("abcd", 3), "\"abc...\"");
}

TEST(EscapeTest, QuotesInsideQuotesAreBytes) { EXPECT_EQ(Quote("a\"\\\n"), "\"a\\x22\\x5c\\n\""); }

TEST(EscapeTest, HtmlHasNoMarkupLeft) {
  EXPECT_EQ(EscapeHtml("<a b=\"c\">&\x01\u00e9"), "&lt;a b=&quot;c&quot;&gt;&amp; \u00e9");
}

}  // namespace
}  // namespace dcp
