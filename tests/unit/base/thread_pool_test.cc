#include "dcp/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "dcp/error.h"

namespace dcp {
namespace {

class ThreadPools : public testing::TestWithParam<int> {
 protected:
  ThreadPool pool_{GetParam()};
};

TEST_P(ThreadPools, EveryIndexOnceByAWorkerInRange) {
  ASSERT_EQ(pool_.threads(), GetParam());
  for (const size_t count : {0, 1, 2, 3, 7, 64, 1000}) {
    std::vector<std::atomic<int>> calls(count);
    std::atomic<bool> in_range = true;
    pool_.ParallelFor(count, [&](size_t index, size_t worker) {
      calls[index].fetch_add(1);
      if (worker >= static_cast<size_t>(pool_.threads())) in_range = false;
    });
    EXPECT_TRUE(in_range);
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(calls[i], 1) << i << " of " << count;
  }
}

TEST_P(ThreadPools, AWorkerDoesOneThingAtATime) {
  std::vector<int> sums(static_cast<size_t>(pool_.threads()));  // not atomic on purpose
  pool_.ParallelFor(5000, [&](size_t, size_t worker) { ++sums[worker]; });
  int total = 0;
  for (int sum : sums) total += sum;
  EXPECT_EQ(total, 5000);
}

// What a region wrote is seen by the caller after it and by the workers of the next one.
TEST_P(ThreadPools, ManyTinyRegionsInARow) {
  std::vector<int> values(3);
  for (int round = 0; round < 3000; ++round) {
    pool_.ParallelFor(values.size(), [&](size_t i, size_t) { ++values[i]; });
    ASSERT_EQ(values[round % 3], round + 1);
  }
  EXPECT_EQ(values, (std::vector<int>{3000, 3000, 3000}));
}

TEST_P(ThreadPools, WorkersThatFellAsleepWakeUp) {
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<size_t> sum = 0;
    pool_.ParallelFor(100, [&](size_t i, size_t) { sum += i; });
    EXPECT_EQ(sum, 4950u);
  }
}

TEST_P(ThreadPools, MayBeDestroyedAtAnyMomentBetweenRegions) {
  for (int round = 0; round < 20; ++round) {
    ThreadPool pool(GetParam());
    std::atomic<int> calls = 0;
    for (int region = 0; region < round % 3; ++region) pool.ParallelFor(4, [&](size_t, size_t) { ++calls; });
    EXPECT_EQ(calls, 4 * (round % 3));
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, ThreadPools, testing::Values(1, 2, 4, 13));

TEST(ThreadPool, ManyThreadsShareTheWork) {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> calls(4);
  // Nobody can finish its index before all four have one.
  std::atomic<int> arrived = 0;
  pool.ParallelFor(4, [&](size_t, size_t worker) {
    ++calls[worker];
    ++arrived;
    while (arrived < 4) std::this_thread::yield();
  });
  for (const auto& worker : calls) EXPECT_EQ(worker, 1);
}

TEST(ThreadPool, OneRegionAfterAnotherFromDifferentThreads) {
  ThreadPool pool(2);
  int sum = 0;
  for (int round = 0; round < 10; ++round) {
    std::thread([&] {
      std::atomic<int> here = 0;
      pool.ParallelFor(10, [&](size_t, size_t) { ++here; });
      sum += here;
    }).join();
  }
  EXPECT_EQ(sum, 100);
}

TEST(ThreadPool, CountsAreChecked) {
  EXPECT_GE(ThreadPool().threads(), 1);
  for (const int threads : {-1, 1025, 1 << 30}) {
    try {
      ThreadPool pool(threads);
      FAIL() << threads;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(std::string(e.what()).find(std::to_string(threads)), std::string::npos) << e.what();
    }
  }
}

}  // namespace
}  // namespace dcp
