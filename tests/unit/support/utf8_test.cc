#include "support/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace dcp {
namespace {

std::string Encode(char32_t code) {
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
  if (code < 0x10000) {
    return {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3F)),
            static_cast<char>(0x80 | (code & 0x3F))};
  }
  return {static_cast<char>(0xF0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 0x3F)),
          static_cast<char>(0x80 | (code >> 6 & 0x3F)), static_cast<char>(0x80 | (code & 0x3F))};
}

TEST(Utf8Test, ReadsAndWritesEveryCharacterAndKnowsItsBeginnings) {
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    const std::string text = Encode(code);
    std::string written;
    AppendUtf8(code, written);
    ASSERT_EQ(written, text);
    const Utf8Char read = ReadUtf8(text + "x");
    ASSERT_EQ(read.status, Utf8Status::kValid) << static_cast<uint32_t>(code);
    ASSERT_EQ(read.code, code);
    ASSERT_EQ(read.length, text.size());
    for (size_t cut = 1; cut < text.size(); ++cut) {
      const Utf8Char part = ReadUtf8(std::string_view(text).substr(0, cut));
      ASSERT_EQ(part.status, Utf8Status::kTruncated) << static_cast<uint32_t>(code) << " cut at " << cut;
      ASSERT_EQ(part.length, cut);
      ASSERT_EQ(ReadUtf8(text.substr(0, cut) + "x").status, Utf8Status::kInvalid);
    }
  }
}

TEST(Utf8Test, RefusesWhatIsNoCharacterAsSoonAsItCanBeTold) {
  for (std::string_view text :
       {"\x80",     "\xBF",         "\xC0",         "\xC1",     "\xC0\x80",         "\xE0\x80",        "\xE0\x9F\xBF",
        "\xED\xA0", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90",        "\xF5",
        "\xF8",     "\xFE",         "\xFF",         "\xC3\xC3", "\xE2\x82\x41",     "\xF0\x9F\x91\xF0"}) {
    const Utf8Char read = ReadUtf8(text);
    EXPECT_EQ(read.status, Utf8Status::kInvalid) << ::testing::PrintToString(text);
    EXPECT_EQ(read.length, 1u) << ::testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace dcp
