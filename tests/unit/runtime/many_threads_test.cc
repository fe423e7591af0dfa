// One model in many threads: loads, sessions and schedulers at once, each with a pool of its own. Under ThreadSanitizer
// in tools/check.sh.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/reference/checkpoint_maker.h"
#include "tests/unit/runtime/scheduler_testing.h"

namespace dcp {
namespace {

using session_testing::ExpectSame;
using session_testing::Ids;
using session_testing::RequestMaker;
using session_testing::SmallModel;
using session_testing::WithPolicy;

constexpr int kThreads = 4;

// Runs fn(0) .. fn(kThreads - 1) at once.
template <typename Fn>
void AtOnce(const Fn& fn) {
  std::barrier start(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      start.arrive_and_wait();
      fn(t);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

std::vector<GenerateRequest> Requests(unsigned seed, int count) {
  RequestMaker maker(seed);
  std::vector<GenerateRequest> requests;
  for (int i = 0; i < count; ++i) requests.push_back(maker.Make());
  return requests;
}

std::vector<GeneratedSequence> Generated(const std::shared_ptr<const Model>& model, const std::string& policy,
                                         const std::vector<GenerateRequest>& requests) {
  ThreadPool pool(2);
  Session session(model, pool, WithPolicy(policy));
  return Generate(session, requests).sequences;
}

constexpr const char* kPolicies[kThreads] = {"learned", "h2o:12", "window:9", "dense"};

TEST(ManyThreads, SessionsOfOneModelDoNotKnowOfEachOther) {
  const auto model = SmallModel();
  std::vector<std::vector<GeneratedSequence>> together(kThreads);
  AtOnce([&](int t) { together[t] = Generated(model, kPolicies[t], Requests(20 + t, 6)); });
  for (int t = 0; t < kThreads; ++t) {
    const auto alone = Generated(model, kPolicies[t], Requests(20 + t, 6));
    ASSERT_EQ(together[t].size(), alone.size());
    for (size_t i = 0; i < alone.size(); ++i) ExpectSame(together[t][i], alone[i], std::to_string(t));
  }
}

TEST(ManyThreads, SchedulersOfOneModelDoNotKnowOfEachOther) {
  const auto model = SmallModel();
  std::vector<std::vector<ScheduledResult>> results(kThreads);
  AtOnce([&](int t) {
    ThreadPool pool(2);
    Session session(model, pool, WithPolicy(kPolicies[t]));
    SchedulerOptions options;
    options.kv_budget_bytes = 200 << 10;
    Scheduler scheduler(session, nullptr, options);
    for (const GenerateRequest& request : Requests(40 + t, 10)) {
      ScheduleOptions how;
      how.on_done = [&, t](ScheduledResult result) { results[t].push_back(std::move(result)); };
      scheduler.Submit(request, how);
      scheduler.Step();
    }
    while (scheduler.Step()) continue;
  });
  for (int t = 0; t < kThreads; ++t) {
    const std::vector<GenerateRequest> requests = Requests(40 + t, 10);
    ASSERT_EQ(results[t].size(), requests.size());
    for (const ScheduledResult& result : results[t]) {
      const auto alone = Generated(model, kPolicies[t], {requests[static_cast<size_t>(result.id)]});
      for (size_t i = 0; i < alone.size(); ++i) ExpectSame(result.sequences[i], alone[i], std::to_string(result.id));
    }
  }
}

// Loads of one directory, and what is saved by a session of one and restored by one of another.
TEST(ManyThreads, LoadsAreOfTheSameModel) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / ("dcp_many_threads_" + std::to_string(getpid()));
  reference::MakeCheckpoint(folder, reference::SmallConfig());
  std::vector<std::string> saved(kThreads);
  std::vector<std::shared_ptr<const Model>> models(kThreads);
  AtOnce([&](int t) {
    models[t] = Model::Load(folder);
    ThreadPool pool(1);
    Session session(models[t], pool);
    std::ostringstream out;
    session.Save(session_testing::AddFed(session, Ids(20)), out);
    saved[t] = out.str();
  });
  for (const std::string& state : saved) EXPECT_TRUE(state == saved[0]);
  AtOnce([&](int t) {
    ThreadPool pool(1);
    Session session(models[t], pool);
    std::istringstream in(saved[(t + 1) % kThreads]);
    EXPECT_EQ(session.cache().SeenTokens(session.Restore(in)), 20);
  });
  std::filesystem::remove_all(folder);
}

// Models come and go while others run; the last session of a model frees it.
TEST(ManyThreads, ModelsLiveAsLongAsTheirLastSession) {
  const auto expected = Generated(SmallModel(7), "learned", Requests(3, 2));
  AtOnce([&](int) {
    for (int i = 0; i < 3; ++i) {
      const auto got = Generated(SmallModel(7), "learned", Requests(3, 2));
      for (size_t s = 0; s < got.size(); ++s) ExpectSame(got[s], expected[s], std::to_string(i));
    }
  });
}

}  // namespace
}  // namespace dcp
