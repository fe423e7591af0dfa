#include "dcp-finetune/sigmoid_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "dcp/sparse_sigmoid.h"

namespace dcp::finetune {
namespace {

class SigmoidTableTest : public ::testing::TestWithParam<double> {};

TEST_P(SigmoidTableTest, IsWithinOneMillionthEverywhere) {
  const double alpha = GetParam();
  const SigmoidTable table(alpha);
  const double reach = std::min(1.1 * SparseSigmoidSupport(alpha), 60.0);
  std::vector<float> s, log_p, slope;
  for (int i = -30000; i <= 30000; ++i) {
    const double x = i / 30000.0;
    s.push_back(static_cast<float>(reach * x));
    s.push_back(static_cast<float>(reach * x * x * x));  // more of them near 0, where large alphas are steep
  }
  log_p.resize(s.size());
  slope.resize(s.size());
  table.Evaluate(s.data(), s.size(), log_p.data(), slope.data());
  for (size_t i = 0; i < s.size(); ++i) {
    const SparseSigmoidPoint exact = EvaluateSparseSigmoid(s[i], alpha);
    ASSERT_NEAR(std::exp(log_p[i]), exact.p, 1e-6) << "s " << s[i];
    // p * slope is dp/ds; compared relative to the steepest it gets.
    const double steepest = std::max(0.25, SparseSigmoidDerivative(0, alpha));
    if (exact.p > 1e-5 && exact.complement > 1e-5) {
      ASSERT_NEAR(exact.p * slope[i], exact.derivative, 2e-4 * steepest) << "s " << s[i];
    }
  }
}

TEST_P(SigmoidTableTest, TensorsAndArraysAgree) {
  const SigmoidTable table(GetParam());
  const torch::Tensor s = torch::linspace(-3, 3, 1001);
  const auto [log_p, slope] = table.Evaluate(s);
  std::vector<float> expected_log_p(1001), expected_slope(1001);
  table.Evaluate(s.data_ptr<float>(), 1001, expected_log_p.data(), expected_slope.data());
  for (int i = 0; i < 1001; ++i) {
    EXPECT_EQ(log_p[i].item<float>(), expected_log_p[i]);
    EXPECT_EQ(slope[i].item<float>(), expected_slope[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Alphas, SigmoidTableTest,
                         ::testing::Values(1, 1.000001, 1.01, 1.2, 1.5, 1.9, 2, 2.1, 2.6, 3, 4, 6, 8, 10, 12, 40));

TEST(SigmoidTable, HardIsTheDecisionOfInference) {
  const float s[] = {-1, -1e-30f, 0, 1e-30f, 1};
  float log_p[5], slope[5];
  SigmoidTable::Hard().Evaluate(s, 5, log_p, slope);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(std::exp(log_p[i]), s[i] > 0 ? 1 : 0);
    EXPECT_EQ(slope[i], 0);
  }
}

TEST(SigmoidTable, KeepsNotANumber) {
  const float s = std::nanf("");
  float log_p = 0, slope = 0;
  SigmoidTable(2).Evaluate(&s, 1, &log_p, &slope);
  EXPECT_TRUE(std::isnan(log_p));
}

}  // namespace
}  // namespace dcp::finetune
