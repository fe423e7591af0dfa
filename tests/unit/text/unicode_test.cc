#include "text/unicode.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace dcp {
namespace {

TEST(UnicodeTest, KnowsTheClasses) {
  for (char32_t code : {U'a', U'Z', U'ß', U'ª', U'ʰ', U'ǅ', U'Ж', U'א', U'ع', U'あ', U'漢', U'한', U'𝒜', U'𐐷'}) {
    EXPECT_EQ(ClassOf(code), CharClass::kLetter) << "U+" << std::hex << static_cast<uint32_t>(code);
  }
  for (char32_t code : {U'0', U'9', U'²', U'½', U'٣', U'१', U'Ⅷ', U'①', U'〇', U'𝟘'}) {
    EXPECT_EQ(ClassOf(code), CharClass::kNumber) << "U+" << std::hex << static_cast<uint32_t>(code);
  }
  // Marks, joiners, format characters, emoji, private use, unassigned.
  for (char32_t code : {0x0u, 0x1Cu, 0x1Fu, 0x21u, 0x5Fu, 0x7Fu, 0x301u, 0x378u, 0x5B0u, 0x180Eu, 0x200Bu, 0x200Du,
                        0xE000u, 0xFEFFu, 0xFFFDu, 0xFFFFu, 0x1F44Du, 0x10FFFFu}) {
    EXPECT_EQ(ClassOf(code), CharClass::kOther) << "U+" << std::hex << static_cast<uint32_t>(code);
  }
}

TEST(UnicodeTest, KnowsEveryWhiteSpace) {
  const std::vector<char32_t> expected = {0x9,    0xA,    0xB,    0xC,    0xD,    0x20,   0x85,   0xA0,   0x1680,
                                          0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008,
                                          0x2009, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000};
  std::vector<char32_t> spaces;
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (ClassOf(code) == CharClass::kSpace) spaces.push_back(code);
  }
  EXPECT_EQ(spaces, expected);
}

// Blocks that the database gives by their first and last character only, and what lies next to them.
TEST(UnicodeTest, FillsRanges) {
  for (char32_t code : {0x3400u, 0x4DBFu, 0x4E00u, 0x9FFFu, 0xAC00u, 0xD7A3u, 0x17000u, 0x20000u, 0x2A6DFu, 0x323AFu}) {
    EXPECT_EQ(ClassOf(code), CharClass::kLetter) << std::hex << static_cast<uint32_t>(code);
  }
  for (char32_t code : {0x4DC0u, 0xD7A4u, 0xD800u, 0x2A6E0u, 0x323B0u}) {
    EXPECT_EQ(ClassOf(code), CharClass::kOther) << std::hex << static_cast<uint32_t>(code);
  }
}

// Totals of Unicode 15.0, counted from the general categories of UnicodeData.txt.
TEST(UnicodeTest, CountsAgreeWithTheDatabase) {
  std::array<int, 4> count{};
  for (char32_t code = 0; code < 0x110000; ++code) ++count[static_cast<size_t>(ClassOf(code))];
  EXPECT_EQ(count[static_cast<size_t>(CharClass::kLetter)], 136104);
  EXPECT_EQ(count[static_cast<size_t>(CharClass::kNumber)], 1831);
}

}  // namespace
}  // namespace dcp
