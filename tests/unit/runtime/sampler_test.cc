#include "dcp/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "tests/unit/runtime/session_testing.h"

namespace dcp {
namespace {

using session_testing::ExpectError;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

SamplingOptions Options(float temperature, int top_k = 0, float top_p = 1.0f, uint64_t seed = 5) {
  SamplingOptions options;
  options.temperature = temperature;
  options.top_k = top_k;
  options.top_p = top_p;
  options.seed = seed;
  return options;
}

std::set<TokenId> Drawn(const SamplingOptions& options, const std::vector<float>& logits, int draws = 3000) {
  Sampler sampler(options);
  std::set<TokenId> ids;
  for (int i = 0; i < draws; ++i) ids.insert(sampler.Sample(logits, 0, static_cast<uint64_t>(i)));
  return ids;
}

// Expects the draws to follow the probabilities: chi-square far below what one in a million would exceed.
void ExpectDistribution(const SamplingOptions& options, const std::vector<float>& logits,
                        const std::vector<double>& weights) {
  Sampler sampler(options);
  constexpr int kDraws = 40000;
  std::vector<int> counts(logits.size());
  for (int i = 0; i < kDraws; ++i) ++counts[sampler.Sample(logits, static_cast<uint64_t>(i) / 200, i % 200)];
  double total = 0, chi_square = 0;
  for (double w : weights) total += w;
  int degrees = -1;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) {
      EXPECT_EQ(counts[i], 0) << i;
      continue;
    }
    const double expected = kDraws * weights[i] / total;
    chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
    ++degrees;
  }
  EXPECT_LT(chi_square, degrees + 5 * std::sqrt(2.0 * degrees) + 10);
}

const std::vector<float> kLogits = {0.5f, -1.0f, 2.0f, 1.0f, 0.0f, 1.5f};

TEST(Sampler, GreedyTakesTheLargestTheLowestAmongEquals) {
  Sampler sampler(Options(0));
  EXPECT_EQ(sampler.Sample(kLogits, 3, 4), 2);
  EXPECT_EQ(sampler.Sample(std::vector<float>{1, 7, 7, 7}, 0, 0), 1);
  EXPECT_EQ(sampler.Sample(std::vector<float>(5, -2.0f), 9, 9), 0);
  EXPECT_EQ(sampler.Sample(std::vector<float>{-kInfinity, -3.0f}, 0, 0), 1);
  EXPECT_EQ(Drawn(Options(2.0f, 1), std::vector<float>{1, 7, 7}), std::set<TokenId>{1});
}

TEST(Sampler, DrawsFollowTheTemperature) {
  for (const float temperature : {0.5f, 1.0f, 3.0f}) {
    std::vector<double> weights;
    for (float l : kLogits) weights.push_back(std::exp(l / static_cast<double>(temperature)));
    ExpectDistribution(Options(temperature), kLogits, weights);
  }
}

TEST(Sampler, TopKKeepsTheMostLikely) {
  ExpectDistribution(Options(1.0f, 3), kLogits, {0, 0, std::exp(2.0), std::exp(1.0), 0, std::exp(1.5)});
  EXPECT_EQ(Drawn(Options(1.0f, 100), kLogits).size(), 6u);
  EXPECT_EQ(Drawn(Options(1.0f, 2), std::vector<float>(7, 1.0f)), (std::set<TokenId>{0, 1})) << "lowest ids of a tie";
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  const std::vector<float> logits = {std::log(0.1f), std::log(0.5f), std::log(0.15f), std::log(0.25f)};
  EXPECT_EQ(Drawn(Options(1.0f, 0, 1e-9f), logits), std::set<TokenId>{1});
  EXPECT_EQ(Drawn(Options(1.0f, 0, 0.49f), logits), std::set<TokenId>{1});
  EXPECT_EQ(Drawn(Options(1.0f, 0, 0.51f), logits), (std::set<TokenId>{1, 3}));
  EXPECT_EQ(Drawn(Options(1.0f, 0, 0.76f), logits), (std::set<TokenId>{1, 2, 3}));
  EXPECT_EQ(Drawn(Options(1.0f, 0, 0.95f), logits).size(), 4u);
  ExpectDistribution(Options(1.0f, 0, 0.7f), logits, {0, 0.5, 0, 0.25});
  // After top_k: 0.5 / 0.75 of what is left is enough.
  EXPECT_EQ(Drawn(Options(1.0f, 2, 0.6f), logits), std::set<TokenId>{1});
}

TEST(Sampler, ADrawIsAFunctionOfSeedStreamAndPosition) {
  Sampler a(Options(1.0f)), b(Options(1.0f)), other(Options(1.0f, 0, 1.0f, 6));
  std::vector<TokenId> forward, backward;
  for (uint64_t i = 0; i < 100; ++i) forward.push_back(a.Sample(kLogits, i / 10, i % 10));
  for (uint64_t i = 100; i-- > 0;) {
    b.Sample(std::vector<float>(3, 0.0f), 77, i);  // other draws in between
    backward.insert(backward.begin(), b.Sample(kLogits, i / 10, i % 10));
  }
  EXPECT_EQ(forward, backward);
  std::vector<TokenId> with_other_seed;
  for (uint64_t i = 0; i < 100; ++i) with_other_seed.push_back(other.Sample(kLogits, i / 10, i % 10));
  EXPECT_NE(forward, with_other_seed);
}

TEST(Sampler, CounterUniformIsUniformInEachArgument) {
  for (int argument = 0; argument < 3; ++argument) {
    std::vector<int> counts(10);
    for (uint64_t i = 0; i < 20000; ++i) {
      const double u = CounterUniform(argument == 0 ? i : 1, argument == 1 ? i : 2, argument == 2 ? i : 3);
      ASSERT_GE(u, 0.0);
      ASSERT_LT(u, 1.0);
      ++counts[static_cast<size_t>(u * 10)];
    }
    for (int count : counts) EXPECT_NEAR(count, 2000, 250);
  }
  EXPECT_NE(CounterUniform(0, 1, 0), CounterUniform(0, 0, 1));
}

// Overflowed logits: still an answer, and the right one.
TEST(Sampler, InfiniteLogitsWin) {
  for (const SamplingOptions& options :
       {Options(1.0f), Options(1.0f, 3), Options(1.0f, 0, 0.5f), Options(1.0f, 3, 0.5f)}) {
    EXPECT_EQ(Drawn(options, {0.0f, kInfinity, 5.0f, 1.0f}, 50), std::set<TokenId>{1});
    EXPECT_EQ(Drawn(options, {-kInfinity, 1.0f, -kInfinity, -kInfinity}, 50), std::set<TokenId>{1});
    EXPECT_EQ(Drawn(options, std::vector<float>(4, -kInfinity), 50), std::set<TokenId>{0});
  }
}

TEST(Sampler, TinyTemperaturesAreGreedy) { EXPECT_EQ(Drawn(Options(1e-40f), kLogits, 100), std::set<TokenId>{2}); }

TEST(Sampler, LogitsThatAreNotNumbersAreAnError) {
  for (const float temperature : {0.0f, 1.0f}) {
    Sampler sampler(Options(temperature));
    std::vector<float> logits = kLogits;
    logits[4] = std::numeric_limits<float>::quiet_NaN();
    ExpectError(ErrorCode::kInvalidModel, {"logit 4", "NaN"}, [&] { sampler.Sample(logits, 0, 0); });
  }
}

TEST(Sampler, OptionsAreChecked) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float bad : {-1.0f, nan, kInfinity, -kInfinity}) {
    ExpectError(ErrorCode::kInvalidArgument, {"temperature"}, [&] { Options(bad).Validate(); });
  }
  for (const float bad : {0.0f, -0.1f, 1.5f, nan}) {
    ExpectError(ErrorCode::kInvalidArgument, {"top_p"}, [&] { Options(1.0f, 0, bad).Validate(); });
  }
  ExpectError(ErrorCode::kInvalidArgument, {"top_k", "-3"}, [&] { Sampler sampler(Options(1.0f, -3)); });
  Options(0.0f, 0, 1.0f).Validate();
}

}  // namespace
}  // namespace dcp
