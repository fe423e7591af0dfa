#include "kernels/layer_norm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/kernels/kernel_testing.h"

namespace dcp {
namespace {

using kernel_testing::EveryTarget;
using kernel_testing::Random;

class LayerNormTest : public EveryTarget {};

std::vector<double> Expected(const std::vector<float>& x, const std::vector<float>& weight,
                             const std::vector<float>& bias, double epsilon) {
  double mean = 0, variance = 0;
  for (float v : x) mean += v / static_cast<double>(x.size());
  for (float v : x) variance += (v - mean) * (v - mean) / static_cast<double>(x.size());
  std::vector<double> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = (x[i] - mean) / std::sqrt(variance + epsilon) * weight[i] + bias[i];
  return y;
}

TEST_P(LayerNormTest, AgreesWithDoublePrecision) {
  Random random(11);
  for (size_t n = 1; n <= 200; ++n) {
    const float offset = random.Uniform(-5, 5);
    const std::vector<float> x = random.Vector(n, offset - 2, offset + 2);
    const std::vector<float> weight = random.Vector(n), bias = random.Vector(n);
    std::vector<float> y(n + 1, 77.0f);
    LayerNorm(x.data(), n, weight.data(), bias.data(), 1e-5f, y.data());
    const std::vector<double> expected = Expected(x, weight, bias, 1e-5);
    for (size_t i = 0; i < n; ++i) ASSERT_NEAR(y[i], expected[i], 2e-5) << i << " of " << n;
    EXPECT_EQ(y[n], 77.0f) << "wrote beyond the end";
  }
}

// The mean is taken off before squaring: a large common offset costs no more than its rounding.
TEST_P(LayerNormTest, LargeOffsets) {
  Random random(12);
  const std::vector<float> x = random.Vector(64, 999.0f, 1001.0f), weight(64, 1.0f), bias(64, 0.0f);
  std::vector<float> y(64);
  LayerNorm(x.data(), 64, weight.data(), bias.data(), 1e-5f, y.data());
  const std::vector<double> expected = Expected(x, weight, bias, 1e-5);
  for (size_t i = 0; i < 64; ++i) EXPECT_NEAR(y[i], expected[i], 1e-3);
}

TEST_P(LayerNormTest, ConstantInputGivesTheBias) {
  const std::vector<float> x(21, 3.0f), weight(21, 2.0f);
  std::vector<float> bias(21), y(21);
  for (size_t i = 0; i < 21; ++i) bias[i] = static_cast<float>(i);
  LayerNorm(x.data(), 21, weight.data(), bias.data(), 1e-5f, y.data());
  EXPECT_EQ(y, bias);
}

DCP_FOR_EVERY_TARGET(LayerNormTest);

}  // namespace
}  // namespace dcp
