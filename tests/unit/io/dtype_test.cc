#include "io/dtype.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "support/half.h"
#include "tests/reference/checkpoint_maker.h"

namespace dcp {
namespace {

// Straight from the definition of binary16.
double HalfByDefinition(uint16_t half) {
  const double sign = half & 0x8000 ? -1.0 : 1.0;
  const int exponent = (half >> 10) & 31;
  const int mantissa = half & 1023;
  if (exponent == 31) return mantissa == 0 ? sign * std::numeric_limits<double>::infinity() : std::nan("");
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

std::vector<std::byte> AllPatterns() {
  std::vector<std::byte> bytes(2 * 65536);
  for (uint32_t i = 0; i < 65536; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    std::memcpy(&bytes[2 * i], &bits, 2);
  }
  return bytes;
}

TEST(DTypeTest, EveryHalfIsExact) {
  std::vector<float> out(65536);
  EXPECT_EQ(ConvertToFloat(DType::kF16, AllPatterns(), out), 0x7c00u);
  for (uint32_t i = 0; i < 65536; ++i) {
    const double expected = HalfByDefinition(static_cast<uint16_t>(i));
    const float one = FloatFromHalf(static_cast<uint16_t>(i));
    ASSERT_EQ(std::bit_cast<uint32_t>(one), std::bit_cast<uint32_t>(out[i])) << i;
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(one)) << i;
    } else {
      ASSERT_EQ(one, expected) << i;
      ASSERT_EQ(std::signbit(one), (i & 0x8000) != 0) << i;
    }
  }
}

TEST(DTypeTest, EveryBFloatIsTheUpperHalfOfAFloat) {
  std::vector<float> out(65536);
  EXPECT_EQ(ConvertToFloat(DType::kBF16, AllPatterns(), out), 0x7f80u);
  for (uint32_t i = 0; i < 65536; ++i) ASSERT_EQ(std::bit_cast<uint32_t>(out[i]), i << 16);
}

TEST(DTypeTest, TheFirstBadFloatIsFoundAtAnyAlignment) {
  std::vector<float> values(5000, 1.5f);
  const std::vector<float> bads = {std::nanf(""), -std::nanf(""), INFINITY, -INFINITY};
  for (const size_t at : {size_t{0}, size_t{1}, size_t{1023}, size_t{1024}, size_t{4999}}) {
    for (const float bad : bads) {
      std::vector<float> some = values;
      some[at] = bad;
      some.back() = bad;
      std::vector<std::byte> bytes(4 * some.size() + 1);
      std::memcpy(bytes.data() + 1, some.data(), 4 * some.size());
      std::vector<float> out(some.size());
      EXPECT_EQ(ConvertToFloat(DType::kF32, std::span(bytes).subspan(1), out), at);
      EXPECT_EQ(std::memcmp(out.data(), some.data(), 4 * some.size()), 0);
    }
  }
}

TEST(DTypeTest, DoublesAreRounded) {
  const std::vector<double> values = {1.0 + 0x1p-25, 1.0 + 0x3p-25, -0x1p-160, 3.4e38, -1.0 / 3.0};
  std::vector<float> out(values.size());
  EXPECT_EQ(ConvertToFloat(DType::kF64, std::as_bytes(std::span(values)), out), 5u);
  EXPECT_EQ(out, (std::vector<float>{1.0f, 1.0f + 0x1p-23f, -0.0f, 3.4e38f, -1.0f / 3.0f}));
  const std::vector<double> bad = {1.0, 1e39};  // more than a float holds
  out.resize(2);
  EXPECT_EQ(ConvertToFloat(DType::kF64, std::as_bytes(std::span(bad)), out), 1u);
}

TEST(DTypeTest, ExtremeFiniteFloatsAreFine) {
  const std::vector<float> values = {std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest(),
                                     std::numeric_limits<float>::denorm_min(), -0.0f};
  std::vector<float> out(values.size());
  EXPECT_EQ(ConvertToFloat(DType::kF32, std::as_bytes(std::span(values)), out), values.size());
  EXPECT_EQ(std::memcmp(out.data(), values.data(), 16), 0);
  EXPECT_EQ(ConvertToFloat(DType::kF32, {}, {}), 0u);
}

TEST(DTypeTest, NamesAndSizes) {
  for (const char* name : {"BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "I16", "U16", "F16", "BF16", "I32",
                           "U32", "F32", "I64", "U64", "F64", "C64"}) {
    const std::optional<DType> dtype = ParseDType(name);
    ASSERT_TRUE(dtype) << name;
    EXPECT_EQ(ToString(*dtype), name);
  }
  EXPECT_FALSE(ParseDType("f32"));
  EXPECT_FALSE(ParseDType(""));
  EXPECT_EQ(ItemSize(DType::kBool), 1u);
  EXPECT_EQ(ItemSize(DType::kBF16), 2u);
  EXPECT_EQ(ItemSize(DType::kF32), 4u);
  EXPECT_EQ(ItemSize(DType::kC64), 8u);
  EXPECT_EQ(AsWeightType(DType::kBF16), WeightType::kBF16);
  EXPECT_EQ(AsWeightType(DType::kF64), WeightType::kF32);
  EXPECT_EQ(AsWeightType(DType::kI32), std::nullopt);
}

// The maker of test checkpoints must round as PyTorch does: to nearest, ties to even.
TEST(DTypeTest, MakerRoundsToNearestEven) {
  using reference::RoundTo;
  EXPECT_EQ(RoundTo(WeightType::kF16, 1.0f + 0x1p-11f), 1.0f);
  EXPECT_EQ(RoundTo(WeightType::kF16, 1.0f + 0x3p-11f), 1.0f + 0x1p-9f);
  EXPECT_EQ(RoundTo(WeightType::kF16, 0x1.8p-24f), 0x1p-23f);
  EXPECT_EQ(RoundTo(WeightType::kF16, -0x1.ffcp15f), -65504.0f);
  EXPECT_EQ(RoundTo(WeightType::kBF16, 1.0f + 0x1p-8f), 1.0f);
  EXPECT_EQ(RoundTo(WeightType::kBF16, 1.0f + 0x3p-8f), 1.0f + 0x1p-6f);
}

}  // namespace
}  // namespace dcp
