// Decoding does not allocate: a program of its own, because it counts every allocation there is.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/unit/runtime/session_testing.h"

namespace {

std::atomic<long> allocations = 0;

void* Allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* p = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

// Not inlined: the compiler would see free() meet what it takes for the usual operator new.
[[gnu::noinline]] void Release(void* p) { std::free(p); }

}  // namespace

void* operator new(std::size_t size) { return Allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* p) noexcept { Release(p); }
void operator delete(void* p, std::size_t) noexcept { Release(p); }
void operator delete(void* p, std::align_val_t) noexcept { Release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { Release(p); }

namespace dcp {
namespace {

struct Case {
  const char* policy;
  size_t batch;
  int threads;
  int delay = 0;
  WeightType weights = WeightType::kF32;
};
std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.policy << ", batch of " << c.batch << ", " << c.threads << " threads, delay " << c.delay
             << ", weights " << ToString(c.weights);
}

class DecodeAllocation : public testing::TestWithParam<Case> {};

// The first steps may fill scratch memory; from then on there is nothing but the page pool, which maps memory itself.
TEST_P(DecodeAllocation, SteadyStateDecodeAllocatesNothing) {
  constexpr int kWarmUp = 4, kSteps = 60;
  const auto& [policy, batch, threads, delay, weights] = GetParam();
  ThreadPool pool(threads);
  ModelConfig config = session_testing::SmallShape();
  config.eviction_delay = delay;
  Session session(Model::Random(config, 1, weights), pool, session_testing::WithPolicy(policy));
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
                                         Case{"h2o:40", 4, 2}, Case{"learned", 4, 2, 0, WeightType::kI8}));

TEST(AllocationCounter, Counts) {
  const long before = allocations;
  const std::vector<int> values(1000);
  EXPECT_GE(allocations - before, 1) << values.size();
}

}  // namespace
}  // namespace dcp
