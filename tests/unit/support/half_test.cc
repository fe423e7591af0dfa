#include "support/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace dcp {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The value of a finite half, from its definition.
double ValueOfHalf(uint16_t bits) {
  const int exponent = bits >> 10 & 0x1F;
  const int mantissa = bits & 0x3FF;
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 15 - 10);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

bool IsFiniteHalf(uint16_t bits) { return (bits >> 10 & 0x1F) != 31; }
bool IsFiniteBF16(uint16_t bits) { return (bits >> 7 & 0xFF) != 255; }

TEST(Half, EveryHalfHasItsValueAndComesBack) {
  for (uint32_t i = 0; i < 65536; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    const float value = FloatFromHalf(bits);
    if (IsFiniteHalf(bits)) {
      ASSERT_EQ(static_cast<double>(value), ValueOfHalf(bits)) << i;
      ASSERT_EQ(std::signbit(value), i >= 0x8000) << i;
      ASSERT_EQ(HalfFromFloat(value), bits);
    } else if ((bits & 0x3FF) == 0) {
      ASSERT_EQ(value, i >= 0x8000 ? -kInfinity : kInfinity);
      ASSERT_EQ(HalfFromFloat(value), bits);
    } else {
      ASSERT_TRUE(std::isnan(value)) << i;
    }
  }
}

// Between any two neighbours: the middle goes to the even one, everything else to the nearer one.
TEST(Half, RoundsToNearestTiesToEven) {
  for (uint32_t i = 0; i < 0x7BFF; ++i) {
    const auto low = static_cast<uint16_t>(i);
    const auto high = static_cast<uint16_t>(i + 1);
    const float middle = static_cast<float>((ValueOfHalf(low) + ValueOfHalf(high)) / 2);  // exact in float32
    for (const uint16_t sign : {0, 0x8000}) {
      const float s = sign == 0 ? 1.0f : -1.0f;
      ASSERT_EQ(HalfFromFloat(s * middle), sign | (i % 2 == 0 ? low : high)) << i;
      ASSERT_EQ(HalfFromFloat(s * std::nextafter(middle, 0.0f)), sign | low) << i;
      ASSERT_EQ(HalfFromFloat(s * std::nextafter(middle, kInfinity)), sign | high) << i;
    }
  }
}

TEST(Half, BeyondTheLargestIsInfinite) {
  EXPECT_EQ(HalfFromFloat(65504.0f), 0x7BFF);
  EXPECT_EQ(HalfFromFloat(std::nextafter(65520.0f, 0.0f)), 0x7BFF);
  EXPECT_EQ(HalfFromFloat(65520.0f), 0x7C00);
  EXPECT_EQ(HalfFromFloat(-1e30f), 0xFC00);
}

TEST(BFloat16, EveryValueIsTheUpperHalfOfAFloatAndComesBack) {
  for (uint32_t i = 0; i < 65536; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    const float value = FloatFromBF16(bits);
    ASSERT_EQ(std::bit_cast<uint32_t>(value), i << 16);
    if (IsFiniteBF16(bits)) {
      ASSERT_EQ(BF16FromFloat(value), bits);
    }
  }
  EXPECT_EQ(BF16FromFloat(kInfinity), 0x7F80);
  EXPECT_EQ(BF16FromFloat(-kInfinity), 0xFF80);
}

TEST(BFloat16, RoundsToNearestTiesToEven) {
  for (uint32_t i = 0; i < 0x7F7F; ++i) {
    const uint32_t middle = i << 16 | 0x8000;
    for (const uint32_t sign : {0u, 0x80000000u}) {
      const uint32_t top = sign >> 16;
      ASSERT_EQ(BF16FromFloat(std::bit_cast<float>(sign | middle)), top | (i % 2 == 0 ? i : i + 1));
      ASSERT_EQ(BF16FromFloat(std::bit_cast<float>(sign | (middle - 1))), top | i);
      ASSERT_EQ(BF16FromFloat(std::bit_cast<float>(sign | (middle + 1))), top | (i + 1));
    }
  }
  EXPECT_EQ(BF16FromFloat(std::numeric_limits<float>::max()), 0x7F80);  // nearer to 2^128 than to the largest
}

}  // namespace
}  // namespace dcp
