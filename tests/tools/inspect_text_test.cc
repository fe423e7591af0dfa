// How tokens are shown: whole characters, nothing invisible, nothing that could become markup.
#include <gtest/gtest.h>

#include "common/page/page.h"
#include "dcp-inspect/tokens/token_text.h"
#include "dcp/error.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

TEST(TokenText, CharactersAcrossTokensAreShownByTheFirst) {
  const Args smile = {" ", "\xF0\x9F", "\x98", "\x80 and"};
  EXPECT_EQ(ShownTexts(smile), (Args{" ", "\xF0\x9F\x98\x80", "⋯", " and"}));
  const Args joined = {"na\xC3", "\xAFve"};
  EXPECT_EQ(ShownTexts(joined), (Args{"na\xC3\xAF", "ve"}));
}

TEST(TokenText, BytesOfNoCharacter) {
  const Args broken = {"a\xFF", "\x80", "\xF0\x9F", "x", "\xE2\x82"};
  EXPECT_EQ(ShownTexts(broken), (Args{"a\\xff", "\\x80", "\\xf0\\x9f", "x", "\\xe2\\x82"}));
}

TEST(TokenText, ControlAndDirectionAreNamed) {
  const Args tokens = {"\x1b[1m", "\xE2\x80\xAE", "a\nb\t", "\xEF\xBB\xBF", "\xC2\xAD", ""};
  EXPECT_EQ(ShownTexts(tokens), (Args{"\\x1b[1m", "U+202E", "a\nb\t", "U+FEFF", "\\xad", ""}));
}

TEST(TokenText, Hex) { EXPECT_EQ(HexBytes("\xF0\x9F "), "f0 9f 20"); }

TEST(PageText, ScriptJsonIsTheSameDocumentWithoutMarkup) {
  const Json document = {{"a", "</script><!-- & \xE2\x80\xA8\xE2\x80\xA9 \xE2\x80\xAA"}, {"b", {1, 2.5, nullptr}}};
  const std::string text = ScriptJson(document);
  EXPECT_EQ(Json::parse(text), document);
  EXPECT_EQ(text.find_first_of("<>&"), std::string::npos);
  EXPECT_EQ(text.find("\xE2\x80\xA8"), std::string::npos);
  EXPECT_EQ(text.find("\xE2\x80\xA9"), std::string::npos);
  EXPECT_NE(text.find("\xE2\x80\xAA"), std::string::npos);
}

}  // namespace
}  // namespace dcp::tools
