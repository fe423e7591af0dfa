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
    for (const WeightType type :
         {WeightType::kF32, WeightType::kBF16, WeightType::kF16, WeightType::kI8, WeightType::kI4}) {
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

TEST(PackedMatrix, IntegersOfZerosAreZero) {
  const std::vector<float> zeros(40 * 3);
  EXPECT_EQ(Unpack(PackedMatrix::Pack(WeightType::kI8, 40, 3, zeros.data(), false)), zeros);
  EXPECT_EQ(Unpack(PackedMatrix::Pack(WeightType::kI4, 40, 3, zeros.data(), false)), zeros);
}

// The squared error of a block and output, and that of the plain rule: the largest weight becomes -8, in half scales.
struct BlockErrors {
  double held = 0, plain = 0;
};

BlockErrors ErrorsOf(const std::vector<float>& weights, const std::vector<float>& held, size_t out, size_t o,
                     size_t begin, size_t end) {
  float extreme = 0;
  for (size_t i = begin; i < end; ++i) {
    if (std::abs(weights[i * out + o]) > std::abs(extreme)) extreme = weights[i * out + o];
  }
  const float scale = FloatFromHalf(HalfFromFloat(extreme / -8.0f));
  BlockErrors errors;
  for (size_t i = begin; i < end; ++i) {
    const float w = weights[i * out + o];
    const float plain = scale == 0 ? 0 : std::clamp(std::nearbyint(w / scale), -8.0f, 7.0f) * scale;
    errors.held += std::pow(static_cast<double>(held[i * out + o]) - w, 2);
    errors.plain += std::pow(static_cast<double>(plain) - w, 2);
  }
  return errors;
}

// Every block is at least as near as the plain rule brings it, and weights at large are a tenth nearer.
TEST(PackedMatrix, I4IsNearerThanThePlainRule) {
  Random random(4);
  double all_held = 0, all_plain = 0;
  for (const auto& [in, out] : kCases) {
    std::vector<float> weights = random.Vector(in * out);
    for (float& w : weights) w = w * w * w;  // most are small
    const std::vector<float> held = Unpack(PackedMatrix::Pack(WeightType::kI4, in, out, weights.data(), false));
    for (size_t o = 0; o < out; ++o) {
      for (size_t begin = 0; begin < in; begin += kQuantBlock) {
        const BlockErrors errors = ErrorsOf(weights, held, out, o, begin, std::min(begin + kQuantBlock, in));
        EXPECT_LE(errors.held, errors.plain * 1.0001 + 1e-12);
        all_held += errors.held;
        all_plain += errors.plain;
      }
    }
  }
  EXPECT_LT(all_held, 0.9 * all_plain);
}

// Integers from -8 to 7 times a half are held as they are, in every place of a block.
TEST(PackedMatrix, I4HoldsItsOwnValuesExactly) {
  Random random(5);
  for (const float unit : {0.25f, -0.125f, 0x1.8p-10f, -0x1.004p+3f}) {
    for (const auto& [in, out] : kCases) {
      std::vector<float> weights(in * out);
      for (float& w : weights) w = unit * (static_cast<float>(random.Below(16)) - 8.0f);
      for (size_t o = 0; o < out; ++o) {
        for (size_t i = o % std::min(in, kQuantBlock); i < in; i += kQuantBlock) weights[i * out + o] = -8.0f * unit;
        weights[(in - 1) * out + o] = -8.0f * unit;  // in the last block, too
      }
      EXPECT_EQ(Unpack(PackedMatrix::Pack(WeightType::kI4, in, out, weights.data(), false)), weights);
    }
  }
}

// What a half cannot scale becomes the largest that it can, or zero.
TEST(PackedMatrix, I4OfExtremesIsFinite) {
  for (const float w : {3e38f, -3e38f, 1e10f, -1e6f, 1e-7f, 1e-20f, 1e-44f}) {
    const std::vector<float> weights = {w, 0.0f, w / 2};
    for (const float held : Unpack(PackedMatrix::Pack(WeightType::kI4, 3, 1, weights.data(), false))) {
      EXPECT_TRUE(std::isfinite(held)) << w;
    }
  }
}

TEST(PackedMatrix, BytesAreThoseOfTheLayout) {
  const std::vector<float> weights(33 * 17, 1.0f);
  const auto bytes = [&](WeightType type) { return PackedMatrix::Pack(type, 33, 17, weights.data(), false).bytes(); };
  EXPECT_EQ(bytes(WeightType::kF32), 33u * 32 * 4);
  EXPECT_EQ(bytes(WeightType::kBF16), 33u * 32 * 2);
  EXPECT_EQ(bytes(WeightType::kF16), 33u * 32 * 2);
  EXPECT_EQ(bytes(WeightType::kI8), 2u * 2 * (32 * 16 + 16 * 4));
  EXPECT_EQ(bytes(WeightType::kI4), 2u * 2 * (32 * 16 / 2 + 16 * 2));
}

}  // namespace
}  // namespace dcp
