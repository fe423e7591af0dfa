#include "support/hash.h"

#include <gtest/gtest.h>

#include <string>

namespace dcp {
namespace {

// The published values of FNV-1a with 64 bits.
TEST(HashTest, IsFnv1a) {
  EXPECT_EQ(FnvHash(kFnvBasis, "", 0), 0xcbf29ce484222325u);
  EXPECT_EQ(FnvHash(kFnvBasis, "a", 1), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(FnvHash(kFnvBasis, "foobar", 6), 0x85944171f73967e8u);
  EXPECT_EQ(FnvHash(FnvHash(kFnvBasis, "foo", 3), "bar", 3), 0x85944171f73967e8u);
}

TEST(HashTest, EveryByteAndItsPlaceCountInWords) {
  std::string bytes(21, '\0');
  const uint64_t zeros = WordHash(kFnvBasis, bytes.data(), bytes.size());
  for (char& byte : bytes) {
    byte = 1;
    EXPECT_NE(WordHash(kFnvBasis, bytes.data(), bytes.size()), zeros) << &byte - bytes.data();
    byte = 0;
  }
  EXPECT_NE(WordHash(kFnvBasis, "ab12345678", 10), WordHash(kFnvBasis, "12345678ab", 10));
  EXPECT_EQ(WordHash(7, "abcdefghijklmnop", 16), WordHash(WordHash(7, "abcdefgh", 8), "ijklmnop", 8));
}

// The generator that everybody calls splitmix64, from state 0.
TEST(RandomTest, MixIsSplitMix64) {
  uint64_t state = 0;
  EXPECT_EQ(Mix(state += kGoldenGamma), 0xe220a8397b1dcdafu);
  EXPECT_EQ(Mix(state += kGoldenGamma), 0x6e789e6aa1b965f4u);
  EXPECT_EQ(Mix(state += kGoldenGamma), 0x06c45d188009454fu);
}

}  // namespace
}  // namespace dcp
