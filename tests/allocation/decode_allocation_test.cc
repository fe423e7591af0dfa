// Decoding does not allocate.
#include <gtest/gtest.h>

#include <vector>

#include "tests/allocation/failing_allocator.h"
#include "tests/unit/runtime/session_testing.h"

namespace dcp {
namespace {

using allocation::allocations;

struct Case {
  const char* policy;
  size_t batch;
  int threads;
  int delay = 0;
  WeightType weights = WeightType::kF32;
  bool record_drops = false;
};
std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.policy << ", batch of " << c.batch << ", " << c.threads << " threads, delay " << c.delay
             << ", weights " << ToString(c.weights) << (c.record_drops ? ", drops recorded" : "");
}

class DecodeAllocation : public testing::TestWithParam<Case> {};

// The first steps may fill scratch memory; from then on there is nothing but the page pool, which maps memory itself.
TEST_P(DecodeAllocation, SteadyStateDecodeAllocatesNothing) {
  constexpr int kWarmUp = 4, kSteps = 60;
  const auto& [policy, batch, threads, delay, weights, record_drops] = GetParam();
  ThreadPool pool(threads);
  ModelConfig config = session_testing::SmallShape();
  config.eviction_delay = delay;
  SessionOptions options = session_testing::WithPolicy(policy);
  options.record_drops = record_drops;
  Session session(Model::Random(config, 1, weights), pool, options);
  std::vector<SequenceId> sequences;
  for (size_t i = 0; i < batch; ++i) sequences.push_back(session_testing::AddFed(session, session_testing::Ids(9 + i)));
  std::vector<TokenId> tokens(batch, 1);
  long before = 0;
  for (int step = 0; step < kWarmUp + kSteps; ++step) {
    if (step == kWarmUp) before = allocations;
    const Logits logits = session.Decode(sequences, tokens);
    for (size_t i = 0; i < batch; ++i) tokens[i] = (tokens[i] * 7 + static_cast<TokenId>(i) + 1) % 53;
    ASSERT_EQ(logits.rows(), batch);
  }
  EXPECT_EQ(allocations - before, 0);
}

INSTANTIATE_TEST_SUITE_P(Matrix, DecodeAllocation,
                         testing::Values(Case{"dense", 1, 1}, Case{"dense", 4, 1}, Case{"dense", 4, 2},
                                         Case{"learned", 1, 1}, Case{"learned", 4, 1}, Case{"learned", 4, 2},
                                         Case{"learned", 4, 2, 6}, Case{"window:12", 4, 1}, Case{"h2o:8", 4, 1},
                                         Case{"h2o:40", 4, 2}, Case{"learned", 4, 2, 0, WeightType::kI8},
                                         Case{"learned", 4, 2, 0, WeightType::kI4},
                                         Case{"learned", 4, 2, 6, WeightType::kF32, true},
                                         Case{"window:12", 4, 1, 0, WeightType::kF32, true}));

// The list of step times grows by doubling, and does not between these tokens.
TEST(GenerateAllocation, SteadyStateGreedyGenerationAllocatesNothing) {
  ThreadPool pool(2);
  Session session(session_testing::SmallModel(), pool, session_testing::WithPolicy("learned"));
  std::vector<GenerateRequest> requests(2);
  for (size_t i = 0; i < 2; ++i) {
    requests[i].prompt = session_testing::Ids(9 + i);
    requests[i].options.max_new_tokens = 62;
  }
  long before = 0, after = 0;
  int made = 0;
  const auto count = [&](const GeneratedToken& token) {
    made += token.sequence == 1;
    if (made == 36) before = allocations;
    if (made == 60) after = allocations;
    return true;
  };
  Generate(session, requests, {}, nullptr, count);
  EXPECT_EQ(made, 62);
  EXPECT_EQ(after - before, 0);
}

// Clones that part from each other copy pages, which come from the pool alone.
TEST(CloneAllocation, PartingFromClonesAllocatesNothing) {
  ThreadPool pool(2);
  Session session(session_testing::SmallModel(), pool, session_testing::WithPolicy("learned"));
  std::vector<SequenceId> sequences = {session_testing::AddFed(session, session_testing::Ids(40))};
  for (int i = 0; i < 3; ++i) sequences.push_back(session.Clone(sequences[0]));
  std::vector<TokenId> tokens = {1, 2, 3, 4};
  session.Decode(sequences, tokens);  // scratch memory is there now
  std::vector<SequenceId> again = sequences;
  for (SequenceId& id : again) id = session.Clone(id);
  const long before = allocations;
  for (int step = 0; step < 30; ++step) session.Decode(again, tokens);
  EXPECT_EQ(allocations - before, 0);
}

TEST(AllocationCounter, Counts) {
  const long before = allocations;
  const std::vector<int> values(1000);
  EXPECT_GE(allocations - before, 1) << values.size();
}

}  // namespace
}  // namespace dcp
