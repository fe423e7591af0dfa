#include "tests/tools/svg_check.h"

#include <gtest/gtest.h>

#include <regex>
#include <vector>

namespace dcp::tools {

void ExpectWellFormed(const std::string& svg) {
  std::vector<std::string> open;
  static const std::regex kTag(R"(<(/?)([a-z]+)((?:\s[a-zA-Z0-9:-]+="[^"<]*")*)\s*(/?)>)");
  std::string rest;  // between tags
  std::smatch match;
  std::string text = svg;
  while (std::regex_search(text, match, kTag)) {
    rest += match.prefix();
    if (match[1].length() > 0) {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), match[2].str());
      open.pop_back();
    } else if (match[4].length() == 0) {
      open.push_back(match[2].str());
    }
    text = match.suffix();
  }
  rest += text;
  EXPECT_TRUE(open.empty()) << open.back();
  EXPECT_EQ(rest.find_first_of("<>"), std::string::npos) << rest;
  EXPECT_FALSE(std::regex_search(rest, std::regex("&(?!(amp|lt|gt|quot);)")));
}

}  // namespace dcp::tools
