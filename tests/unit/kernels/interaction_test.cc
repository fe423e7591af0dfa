#include "kernels/interaction.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "dcp/eviction_policy.h"
#include "tests/unit/kernels/page_maker.h"

namespace dcp {
namespace {

using kernel_testing::EveryTarget;
using kernel_testing::PageMaker;
using kernel_testing::Random;

constexpr float kBeta = 0.4f;

class InteractionTest : public EveryTarget {
 protected:
  Random random_{31};
};

TEST_P(InteractionTest, ScoresAgreeWithDoublePrecision) {
  for (const KvType type : {KvType::kF32, KvType::kF16, KvType::kI8}) {
    for (const size_t r : {1, 3, 7, 16, 33, 64}) {
      for (const size_t slots : {0, 1, 15, 16, 17, 64, 65, 130}) {
        const PageMaker keys(random_, {2, 5, r, type}, slots);
        const std::vector<float> q = random_.Vector(r, -2, 2);
        std::vector<float> scores(RoundUp(slots, kPanel));
        InteractionScores(q.data(), keys.pages(), kBeta, scores.data());
        for (size_t j = 0; j < slots; ++j) {
          double expected = 0;
          for (size_t i = 0; i < r; ++i) expected += static_cast<double>(q[i]) * keys.k_int(j)[i];
          ASSERT_NEAR(scores[j], expected / std::sqrt(static_cast<double>(r)) + kBeta, 2e-5) << "R " << r << " j " << j;
        }
      }
    }
  }
}

// A chunk decides exactly as its tokens would one by one, with the very same scores.
TEST_P(InteractionTest, ChunkDecisionsAreThoseOfSingleTokens) {
  for (int round = 0; round < 30; ++round) {
    const size_t r = 1 + random_.Below(20), rows = 1 + random_.Below(13), earlier = random_.Below(60);
    const size_t slots = earlier + rows;
    const PageMaker keys(random_, {1, 3, r, KvType::kF32}, slots);
    const std::vector<float> q = random_.Vector(rows * (r + 2), -2, 2);
    const auto first = static_cast<int32_t>(earlier);
    const float threshold = random_.Uniform(-1.0f, 0.5f);
    const auto delay = static_cast<int32_t>(round % 3 * 5);
    const size_t padded = RoundUp(slots, kPanel);
    std::vector<int32_t> positions(padded), expires(padded, kNever), expected_expires(padded, kNever);
    for (size_t j = 0; j < slots; ++j) positions[j] = static_cast<int32_t>(j);
    std::vector<float> drop_scores(padded, 9.0f), expected_scores(padded, 9.0f), scores(padded);
    for (size_t j = 0; delay > 0 && j < earlier; j += 7)
      expires[j] = expected_expires[j] = first + 1;  // decided before
    for (size_t row = 0; row < rows; ++row) {
      InteractionScores(q.data() + row * (r + 2), keys.pages(), kBeta, scores.data());
      for (size_t j = 0; j < earlier + row; ++j) {
        if (expected_expires[j] != kNever || scores[j] > threshold) continue;
        expected_expires[j] = first + static_cast<int32_t>(row) + delay;
        expected_scores[j] = scores[j];
      }
    }
    ChunkDropArgs args;
    args.q_int = {q.data(), rows, r, r + 2};
    args.keys = keys.pages();
    args.beta = kBeta;
    args.threshold = threshold;
    args.first_position = first;
    args.delay = delay;
    args.positions = positions.data();
    args.expires = expires.data();
    args.drop_scores = drop_scores.data();
    const size_t pages = args.keys.page_count();
    DropChunk(args, 0, pages / 2);
    DropChunk(args, pages / 2, pages);
    for (size_t j = 0; j < slots; ++j) {
      ASSERT_EQ(expires[j], expected_expires[j]) << "slot " << j;
      ASSERT_EQ(drop_scores[j], expected_scores[j]) << "slot " << j;
    }
  }
}

// The boundary belongs to the dropped side: s <= threshold.
TEST_P(InteractionTest, AScoreEqualToTheThresholdDrops) {
  const PageMaker keys(random_, {1, 3, 4, KvType::kF32}, 2);
  const std::vector<float> q(4, 0.0f);  // every score is beta
  std::vector<int32_t> positions(kPanel), expires(kPanel, kNever);
  positions[1] = 1;
  std::vector<float> scores(kPanel);
  ChunkDropArgs args;
  args.q_int = {q.data(), 1, 4, 4};
  args.keys = keys.pages();
  args.beta = kBeta;
  args.threshold = kBeta;
  args.first_position = 1;
  args.positions = positions.data();
  args.expires = expires.data();
  args.drop_scores = scores.data();
  DropChunk(args, 0, 1);
  EXPECT_EQ(expires[0], 1);
  EXPECT_EQ(scores[0], kBeta);
  EXPECT_EQ(expires[1], kNever) << "a token must not drop itself";
}

DCP_FOR_EVERY_TARGET(InteractionTest);

}  // namespace
}  // namespace dcp
