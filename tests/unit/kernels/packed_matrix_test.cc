#include "kernels/packed_matrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/half.h"
#include "tests/unit/kernels/kernel_testing.h"

namespace dcp {
namespace {

using kernel_testing::Random;

struct Case {
  size_t in, out;
};
constexpr Case kCases[] = {{1, 1}, {5, 16}, {31, 17}, {32, 33}, {33, 15}, {70, 40}};

// The matrix back again, [in, out].
std::vector<float> Unpack(const PackedMatrix& packed) {
  std::vector<float> weights(packed.in() * packed.out()), column(packed.in());
  for (size_t o = 0; o < packed.out(); ++o) {
    packed.CopyOutput(o, column.data());
    for (size_t i = 0; i < packed.in(); ++i) weights[i * packed.out() + o] = column[i];
  }
  return weights;
}

TEST(PackedMatrix, PlainTypesHoldTheRoundedWeights) {
  Random random(1);
  for (const auto& [in, out] : kCases) {
    const std::vector<float> weights = random.Vector(in * out, -3.0f, 3.0f);
    const auto unpack = [&, in = in, out = out](WeightType type) {
      return Unpack(PackedMatrix::Pack(type, in, out, weights.data(), false));
    };
    EXPECT_EQ(unpack(WeightType::kF32), weights);
    std::vector<float> rounded(weights);
    for (float& w : rounded) w = FloatFromHalf(HalfFromFloat(w));
    EXPECT_EQ(unpack(WeightType::kF16), rounded);
    rounded = weights;
    for (float& w : rounded) w = FloatFromBF16(BF16FromFloat(w));
    EXPECT_EQ(unpack(WeightType::kBF16), rounded);
  }
}

TEST(PackedMatrix, OutMajorIsTheTransposed) {
  Random random(2);
  for (const auto& [in, out] : kCases) {
    const std::vector<float> weights = random.Vector(in * out);
    std::vector<float> transposed(in * out);
    for (size_t i = 0; i < in; ++i) {
      for (size_t o = 0; o < out; ++o) transposed[o * in + i] = weights[i * out + o];
    }
    for (const WeightType type : {WeightType::kF32, WeightType::kBF16, WeightType::kF16, WeightType::kI8}) {
      const PackedMatrix a = PackedMatrix::Pack(type, in, out, weights.data(), false);
      const PackedMatrix b = PackedMatrix::Pack(type, in, out, transposed.data(), true);
      ASSERT_EQ(a.bytes(), b.bytes());
      EXPECT_TRUE(std::equal(a.panel(0), a.panel(0) + a.bytes(), b.panel(0))) << ToString(type);
    }
  }
}

// Within a block of inputs the error is at most half a step, a step being the largest weight of the block / 127.
TEST(PackedMatrix, I8IsWithinHalfAStepOfItsBlock) {
  Random random(3);
  for (const auto& [in, out] : kCases) {
    std::vector<float> weights = random.Vector(in * out);
    for (size_t i = 0; i < in; ++i) weights[i * out] *= static_cast<float>(std::exp2(static_cast<double>(i) / 8));
    const std::vector<float> held = Unpack(PackedMatrix::Pack(WeightType::kI8, in, out, weights.data(), false));
    for (size_t o = 0; o < out; ++o) {
      for (size_t begin = 0; begin < in; begin += kQuantBlock) {
        const size_t end = std::min(begin + kQuantBlock, in);
        float largest = 0;
        for (size_t i = begin; i < end; ++i) largest = std::max(largest, std::abs(weights[i * out + o]));
        for (size_t i = begin; i < end; ++i) {
          ASSERT_NEAR(held[i * out + o], weights[i * out + o], largest / 127 * 0.501) << i << ", " << o;
        }
      }
    }
  }
}

TEST(PackedMatrix, I8OfZerosIsZero) {
  const std::vector<float> zeros(40 * 3);
  EXPECT_EQ(Unpack(PackedMatrix::Pack(WeightType::kI8, 40, 3, zeros.data(), false)), zeros);
}

TEST(PackedMatrix, BytesAreThoseOfTheLayout) {
  const std::vector<float> weights(33 * 17, 1.0f);
  const auto bytes = [&](WeightType type) { return PackedMatrix::Pack(type, 33, 17, weights.data(), false).bytes(); };
  EXPECT_EQ(bytes(WeightType::kF32), 33u * 32 * 4);
  EXPECT_EQ(bytes(WeightType::kBF16), 33u * 32 * 2);
  EXPECT_EQ(bytes(WeightType::kF16), 33u * 32 * 2);
  EXPECT_EQ(bytes(WeightType::kI8), 2u * 2 * (32 * 16 + 16 * 4));
}

}  // namespace
}  // namespace dcp
