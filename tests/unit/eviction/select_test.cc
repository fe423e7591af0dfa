// What every policy selects, against its literal definition (tests/reference/oracle_policy.h), slots in random order.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "dcp/eviction_policy.h"
#include "tests/reference/oracle_policy.h"

namespace dcp {
namespace {

struct Case {
  const char* policy;
  int max_kept;
  float threshold = 0;
};
std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.policy << " max " << c.max_kept << " threshold " << c.threshold;
}

PolicySpec SpecOf(const Case& c) {
  PolicySpec spec = ParsePolicy(c.policy);
  spec.max_kept = c.max_kept;
  spec.threshold = c.threshold;
  return spec;
}

// One layer of one sequence, token by token, the slots shuffled at each step.
class Selecting : public testing::TestWithParam<Case> {
 protected:
  // Few different values, so that there are ties.
  double Value() { return static_cast<double>(random_() % 9) / 4 - 0.5; }

  void Run(int tokens) {
    std::vector<bool> kept;
    for (int n = 0; n < tokens; ++n) {
      kept.push_back(true);
      attention_.push_back(0);
      std::vector<double> scores(static_cast<size_t>(n));
      for (double& s : scores) s = Value();
      Step(n, scores, kept);
      if (HasFatalFailure()) return;
      for (double& a : attention_) a += static_cast<double>(random_() % 3) / 2;
    }
  }

  void Step(int n, const std::vector<double>& scores, std::vector<bool>& kept) {
    std::vector<int32_t> positions;
    for (int j = 0; j < n; ++j) {
      if (kept[j]) positions.push_back(j);
    }
    std::shuffle(positions.begin(), positions.end(), random_);
    std::vector<float> slot_scores, slot_attention;
    for (int32_t j : positions) slot_scores.push_back(static_cast<float>(scores[j]));
    positions.push_back(n);
    for (int32_t j : positions) slot_attention.push_back(static_cast<float>(attention_[j]));
    const std::vector<int32_t> expires(positions.size(), kNever);
    SlotsView view{n, positions, {}, {}, expires};
    if (policy_->NeedsInteraction()) view.scores = slot_scores;
    if (policy_->NeedsAttention()) view.attention = slot_attention;
    std::vector<Eviction> evictions;
    policy_->Select(view, evictions);

    const std::vector<bool> before = kept;
    reference::DropForToken(spec_, {n, scores.data(), attention_.data()}, kept);
    std::vector<bool> selected = before;
    for (size_t i = 0; i < evictions.size(); ++i) {
      ASSERT_LT(evictions[i].slot, positions.size() - 1) << "a token must not drop itself";
      if (i > 0) {
        ASSERT_LT(evictions[i - 1].slot, evictions[i].slot);
      }
      selected[positions[evictions[i].slot]] = false;
      if (policy_->NeedsInteraction()) {
        ASSERT_EQ(evictions[i].score, slot_scores[evictions[i].slot]);
      } else {
        ASSERT_TRUE(std::isnan(evictions[i].score));
      }
    }
    ASSERT_EQ(selected, kept) << "token " << n;
  }

  PolicySpec spec_ = SpecOf(GetParam());
  std::shared_ptr<const EvictionPolicy> policy_ = MakePolicy(spec_);
  std::mt19937 random_{17};
  std::vector<double> attention_;
};

TEST_P(Selecting, IsTheDefinition) {
  for (int round = 0; round < 4; ++round) {
    attention_.clear();
    Run(80);
    if (HasFatalFailure()) return;
  }
}

// Decisions wait, are taken once, and are overtaken by the cap alone.
TEST(SelectingWithDelay, TheFirstDecisionCountsAndTheCapDoesNotWait) {
  PolicySpec spec = ParsePolicy("learned");
  const int32_t positions[] = {5, 3, 0, 4, 1, 2, 9};
  const float scores[] = {-1, -2, 3, 1, -3, 2};
  const int32_t expires[] = {kNever, 12, kNever, kNever, 9, 11, kNever};  // position 1 is due now
  const SlotsView view{9, positions, scores, {}, expires, 5};
  const auto select = [&](int cap) {
    spec.max_kept = cap;
    std::vector<Eviction> evictions;
    MakePolicy(spec)->Select(view, evictions);
    std::vector<std::pair<uint32_t, bool>> selected;
    for (const Eviction& e : evictions) {
      selected.emplace_back(e.slot, e.delayed);
      EXPECT_EQ(std::isnan(e.score), !e.delayed);
    }
    return selected;
  };
  using Selected = std::vector<std::pair<uint32_t, bool>>;
  EXPECT_EQ(select(0), (Selected{{0, true}}));
  EXPECT_EQ(select(6), (Selected{{0, true}})) << "what is due makes room";
  EXPECT_EQ(select(5), (Selected{{0, true}, {1, false}})) << "the lowest of those that are decided about";
  EXPECT_EQ(select(4), (Selected{{0, false}, {1, false}})) << "decided about and evicted, named once";
  EXPECT_EQ(select(3), (Selected{{0, false}, {1, false}, {5, false}})) << "a high score does not save the decided";
  EXPECT_EQ(select(2), (Selected{{0, false}, {1, false}, {3, false}, {5, false}}));
}

// The chunk rule, where there is one, says the same as Select.
TEST_P(Selecting, AgreesWithTheChunkRule) {
  const auto rule = policy_->chunk_rule();
  if (policy_->NeedsAttention() || (GetParam().max_kept > 0 && rule == EvictionPolicy::ChunkRule::kTokenByToken)) {
    EXPECT_EQ(rule, EvictionPolicy::ChunkRule::kTokenByToken);
    return;
  }
  if (policy_->NeedsInteraction()) {
    EXPECT_EQ(rule, EvictionPolicy::ChunkRule::kThreshold);
    EXPECT_EQ(policy_->threshold(), GetParam().threshold);
    return;
  }
  ASSERT_EQ(rule, EvictionPolicy::ChunkRule::kExpiry);
  for (int32_t n = 1; n < 60; ++n) {
    for (int32_t j = 0; j < n; ++j) {
      const int32_t positions[] = {j, n};
      std::vector<Eviction> evictions;
      const int32_t expires[] = {kNever, kNever};
      policy_->Select({n, positions, {}, {}, expires}, evictions);
      ASSERT_EQ(!evictions.empty(), policy_->ExpiresAt(j) <= n) << "token " << n << ", position " << j;
    }
  }
  EXPECT_EQ(policy_->ExpiresAt(kNever - 1), kNever) << "expiry must not overflow";
}

INSTANTIATE_TEST_SUITE_P(Policies, Selecting,
                         testing::Values(Case{"dense", 0}, Case{"dense", 1}, Case{"dense", 30}, Case{"window:1", 0},
                                         Case{"window:12", 0}, Case{"window:12", 5}, Case{"window:12", 50},
                                         Case{"sinks:4,10", 0}, Case{"sinks:4,10", 9}, Case{"sinks:4,10", 2},
                                         Case{"sinks:0,6", 0}, Case{"strided:5,8", 0}, Case{"strided:5,8", 7},
                                         Case{"strided:1,1", 0}, Case{"strided:1,1", 20}, Case{"h2o:2", 0},
                                         Case{"h2o:9", 0}, Case{"h2o:16", 0}, Case{"h2o:16", 1}, Case{"h2o:16", 7},
                                         Case{"h2o:16", 40}, Case{"learned", 0}, Case{"learned", 10},
                                         Case{"learned", 1}, Case{"learned", 0, 0.75f}, Case{"learned", 6, -0.25f}));

TEST(Select, ScoresThatAreNotNumbersGoFirstUnderACap) {
  PolicySpec spec = ParsePolicy("learned");
  spec.max_kept = 2;
  const auto policy = MakePolicy(spec);
  const int32_t positions[] = {4, 2, 9};
  const float scores[] = {1.0f, std::numeric_limits<float>::quiet_NaN()};
  std::vector<Eviction> evictions;
  const int32_t expires[] = {kNever, kNever, kNever};
  policy->Select({9, positions, scores, {}, expires}, evictions);
  ASSERT_EQ(evictions.size(), 1u);
  EXPECT_EQ(evictions[0].slot, 1u);
}

TEST(Select, AnInfiniteThresholdKeepsOnlyTheTokenItself) {
  PolicySpec spec = ParsePolicy("learned");
  spec.threshold = std::numeric_limits<float>::infinity();
  const int32_t positions[] = {0, 1, 2};
  const float scores[] = {1e30f, -3.0f};
  std::vector<Eviction> evictions;
  const int32_t expires[] = {kNever, kNever, kNever};
  MakePolicy(spec)->Select({2, positions, scores, {}, expires}, evictions);
  EXPECT_EQ(evictions.size(), 2u);
}

}  // namespace
}  // namespace dcp
