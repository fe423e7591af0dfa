#include "dcp/scheduler.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>
#include <thread>

#include "tests/unit/runtime/scheduler_testing.h"

namespace dcp {
namespace {

using session_testing::ExpectError;
using session_testing::ExpectSame;
using session_testing::Ids;
using session_testing::RequestMaker;
using session_testing::SmallModel;
using session_testing::WithPolicy;

SessionOptions Options(const std::string& policy) {
  SessionOptions options = WithPolicy(policy);
  options.prefill_chunk = 16;
  options.max_rows = 64;
  return options;
}

GenerateRequest Plain(size_t prompt, int tokens, int first = 3) {
  GenerateRequest request;
  request.prompt = Ids(prompt, first);
  request.options.max_new_tokens = tokens;
  return request;
}

// A scheduler with what it needs, and the results that came.
struct Bench {
  explicit Bench(const SchedulerOptions& options = {}, const std::string& policy = "dense", int delay = 0)
      : session(SmallModel(1, delay), pool, Options(policy)), scheduler(session, nullptr, options) {}

  RequestId Submit(GenerateRequest request, ScheduleOptions options = {}) {
    options.on_done = [this](ScheduledResult result) {
      order.push_back(result.id);
      EXPECT_TRUE(results.emplace(result.id, std::move(result)).second) << "told twice";
    };
    return scheduler.Submit(std::move(request), std::move(options)).value();
  }
  void RunAll() {
    for (int steps = 0; scheduler.Step(); ++steps) ASSERT_LT(steps, 100000) << "it does not end";
  }

  ThreadPool pool{2};
  Session session;
  Scheduler scheduler;
  std::map<RequestId, ScheduledResult> results;
  std::vector<RequestId> order;
};

std::vector<GeneratedSequence> Alone(const GenerateRequest& request, const std::string& policy, int delay = 0) {
  ThreadPool pool(1);
  Session session(SmallModel(1, delay), pool, Options(policy));
  return Generate(session, {&request, 1}).sequences;
}

struct Kind {
  const char* policy;
  int delay;
};

class SchedulerPolicies : public ::testing::TestWithParam<Kind> {};

// Arrivals and cancellations at random times, little memory, few seats: who comes to its end has the tokens of the same
// request run alone.
TEST_P(SchedulerPolicies, TokensAreThoseOfTheRequestRunAlone) {
  const auto [policy, delay] = GetParam();
  SchedulerOptions options;
  options.kv_budget_bytes = 200 << 10;
  options.max_running = 9;
  options.prompt_tokens_per_step = 40;
  options.max_shared_prompts = 3;
  Bench bench(options, policy, delay);
  RequestMaker maker(7);
  std::map<RequestId, GenerateRequest> requests;
  std::set<RequestId> cancelled;
  for (int step = 0; step < 300 || bench.scheduler.Stats().running > 0 || bench.results.size() < requests.size();
       ++step) {
    ASSERT_LT(step, 20000);
    if (requests.size() < 40 && maker.Number(3) == 0) {
      GenerateRequest request = maker.Make();
      ScheduleOptions how;
      how.priority = maker.Number(3);
      const RequestId id = bench.Submit(request, how);
      requests.emplace(id, std::move(request));
      if (maker.Number(6) == 0) cancelled.insert(maker.Number(static_cast<int>(id) + 1));
      if (!cancelled.empty() && maker.Number(2) == 0) bench.scheduler.Cancel(*cancelled.rbegin());
    }
    bench.scheduler.Step();
    ASSERT_LE(bench.scheduler.Stats().kv_reserved_peak_bytes, options.kv_budget_bytes);
  }
  ASSERT_EQ(bench.results.size(), requests.size());
  int compared = 0;
  for (const auto& [id, result] : bench.results) {
    const auto& first = result.sequences.at(0);
    if (first.finish_reason == FinishReason::kCancelled) {
      EXPECT_TRUE(cancelled.contains(id));
      continue;
    }
    const std::vector<GeneratedSequence> alone = Alone(requests.at(id), policy, delay);
    ASSERT_EQ(result.sequences.size(), alone.size());
    for (size_t i = 0; i < alone.size(); ++i)
      ExpectSame(result.sequences[i], alone[i], "request " + std::to_string(id));
    ++compared;
  }
  EXPECT_GT(compared, 25);
  if (std::string(policy) == "dense") {
    EXPECT_GT(bench.scheduler.Stats().times_set_aside, 5) << "memory was not short";
  }
  EXPECT_EQ(bench.scheduler.Stats().sequences, 0);
}

INSTANTIATE_TEST_SUITE_P(All, SchedulerPolicies,
                         ::testing::Values(Kind{"dense", 0}, Kind{"learned", 0}, Kind{"learned", 5},
                                           Kind{"window:9", 0}, Kind{"sinks:2,11", 0}, Kind{"strided:6,4", 0},
                                           Kind{"h2o:12", 0}, Kind{"learned@0+window:20", 0}),
                         [](const auto& kind) {
                           std::string name = kind.param.policy;
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return name + (kind.param.delay > 0 ? "_delayed" : "");
                         });

// Ten thousand steps of whatever comes: no step passes the budget, every request is told once, nothing stays behind.
TEST(Scheduler, TenThousandRandomStepsStayWithinTheBudgetAndLoseNothing) {
  SchedulerOptions options;
  options.kv_budget_bytes = 220 << 10;
  options.max_running = 24;
  options.max_waiting = 30;
  options.prompt_tokens_per_step = 32;
  Bench bench(options, "learned");
  RequestMaker maker(11);
  size_t taken = 0, refused = 0;
  RequestId last = 0;
  for (int step = 0; step < 10000; ++step) {
    for (int n = maker.Number(4) - 2; n > 0; --n) {
      GenerateRequest request = maker.Make();
      ScheduleOptions how;
      how.priority = maker.Number(2);
      if (maker.Number(20) == 0) how.deadline_seconds = 0.002;
      how.on_done = [&bench](ScheduledResult result) {
        EXPECT_TRUE(bench.results.emplace(result.id, std::move(result)).second);
      };
      const auto id = bench.scheduler.Submit(std::move(request), std::move(how));
      id ? ++taken : ++refused;
      if (id) last = *id;
    }
    if (maker.Number(10) == 0) bench.scheduler.Cancel(last - maker.Number(20));
    bench.scheduler.Step();
    const SchedulerStats stats = bench.scheduler.Stats();
    ASSERT_LE(stats.kv_reserved_peak_bytes, options.kv_budget_bytes) << "step " << step;
    ASSERT_LE(stats.cache.reserved_bytes, options.kv_budget_bytes);
    ASSERT_EQ(taken, bench.results.size() + static_cast<size_t>(stats.waiting + stats.running + stats.set_aside));
  }
  bench.RunAll();
  const SchedulerStats stats = bench.scheduler.Stats();
  EXPECT_EQ(bench.results.size(), taken);
  EXPECT_EQ(stats.refused, static_cast<int64_t>(refused));
  EXPECT_EQ(stats.finished + stats.cancelled + stats.failed, static_cast<int64_t>(taken));
  EXPECT_GT(stats.finished, static_cast<int64_t>(taken) / 2);
  EXPECT_GT(stats.times_set_aside, 20) << "the budget was not short enough to test anything";
  EXPECT_GT(stats.shared_prompt_hits, 20);
}

TEST(Scheduler, WhatIsSetAsideComesBackAsItWas) {
  SchedulerOptions options;
  options.kv_budget_bytes = 130 << 10;  // two of these, at their ends
  Bench bench(options);
  const GenerateRequest request = Plain(20, 50);
  for (int i = 0; i < 4; ++i) bench.Submit(Plain(20, 50, i));
  bench.RunAll();
  const SchedulerStats stats = bench.scheduler.Stats();
  EXPECT_GT(stats.times_set_aside, 0);
  EXPECT_LE(stats.kv_reserved_peak_bytes, options.kv_budget_bytes);
  int aside = 0;
  for (int i = 0; i < 4; ++i) {
    const ScheduledResult& result = bench.results.at(i);
    ExpectSame(result.sequences[0], Alone(Plain(20, 50, i), "dense")[0], std::to_string(i));
    aside += result.set_aside;
  }
  EXPECT_EQ(aside, stats.times_set_aside);
  EXPECT_EQ(bench.results.at(0).set_aside, 0) << "the first to come is never set aside";
  EXPECT_EQ(bench.session.cache().Stats().pages_in_use, 0u);
}

// The same through a file; and through memory, where the file can take nothing.
TEST(Scheduler, WhatIsSpooledComesBackAsItWas) {
  signal(SIGXFSZ, SIG_IGN);
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  for (const bool full : {false, true}) {
    for (const size_t memory : {size_t{0}, size_t{1} << 20}) {
      SchedulerOptions options;
      options.kv_budget_bytes = 130 << 10;
      options.spool_directory = testing::TempDir();
      options.set_aside_memory_bytes = memory;
      Bench bench(options);
      const int requests = 7;
      for (int i = 0; i < requests; ++i) {
        ScheduleOptions how;
        how.priority = i;
        bench.Submit(Plain(20, 50, i), how);
      }
      const rlimit small = {full ? 0 : limit.rlim_cur, limit.rlim_max};
      ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
      size_t spooled = 0, held = 0;
      while (bench.scheduler.Step()) {
        spooled = std::max(spooled, bench.scheduler.Stats().spooled_bytes);
        held = std::max(held, bench.scheduler.Stats().set_aside_bytes);
      }
      EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
      const SchedulerStats stats = bench.scheduler.Stats();
      EXPECT_GT(stats.times_set_aside, 0);
      EXPECT_EQ(spooled > 0, !full && memory == 0);
      EXPECT_EQ(held > 0, full || memory > 0);
      EXPECT_EQ(stats.spool_failures > 0, full && memory == 0);
      EXPECT_EQ(stats.spool_error.empty(), stats.spool_failures == 0);
      EXPECT_EQ(stats.spooled_bytes, 0u) << "all is back";
      ASSERT_EQ(bench.results.size(), static_cast<size_t>(requests));
      for (int i = 0; i < requests; ++i) {
        ExpectSame(bench.results.at(i).sequences[0], Alone(Plain(20, 50, i), "dense")[0], std::to_string(i));
      }
    }
  }
}

TEST(Scheduler, WhatIsSpooledGoesWithItsRequest) {
  SchedulerOptions options;
  options.kv_budget_bytes = 130 << 10;
  options.spool_directory = testing::TempDir();
  Bench bench(options);
  for (int i = 0; i < 5; ++i) bench.Submit(Plain(20, 50, i));
  while (bench.scheduler.Stats().spooled_bytes == 0) ASSERT_TRUE(bench.scheduler.Step());
  bench.scheduler.CancelAll();
  bench.RunAll();
  EXPECT_EQ(bench.scheduler.Stats().spooled_bytes, 0u);
  EXPECT_EQ(bench.results.size(), 5u);
  options.spool_directory = "/no/such";
  ExpectError(ErrorCode::kIo, {"/no/such"}, [&] { const Bench none(options); });
}

TEST(Scheduler, WhatCannotFitAloneIsAnErrorOfThatRequest) {
  SchedulerOptions options;
  options.kv_budget_bytes = 40 << 10;
  Bench bench(options);
  bench.Submit(Plain(60, 5));
  bench.Submit(Plain(5, 5));
  bench.RunAll();
  EXPECT_EQ(bench.results.at(0).sequences[0].finish_reason, FinishReason::kError);
  EXPECT_NE(bench.results.at(0).sequences[0].error.find("40960 bytes"), std::string::npos);
  EXPECT_EQ(bench.results.at(1).sequences[0].finish_reason, FinishReason::kLength);
  EXPECT_LE(bench.scheduler.Stats().kv_reserved_peak_bytes, options.kv_budget_bytes);
  options.kv_budget_bytes = 1000;
  ExpectError(ErrorCode::kInvalidArgument, {"kv_budget_bytes", "1000"}, [&] { Bench too_small(options); });
}

TEST(Scheduler, LongPromptsDoNotStallWhatRuns) {
  SchedulerOptions options;
  options.prompt_tokens_per_step = 16;
  Bench bench(options);
  int tokens = 0;
  ScheduleOptions how;
  how.on_token = [&](const GeneratedToken&) { return ++tokens > 0; };
  bench.Submit(Plain(4, 40), how);
  bench.scheduler.Step();
  for (int i = 0; i < 3; ++i) bench.Submit(Plain(70, 2, 10 + i));
  for (int step = 0; step < 12; ++step) {
    const int before = tokens;
    const int64_t read = bench.scheduler.Stats().prompt_tokens;
    bench.scheduler.Step();
    EXPECT_EQ(tokens, before + 1) << "a token in every step";
    EXPECT_LE(bench.scheduler.Stats().prompt_tokens - read, 16);
  }
}

TEST(Scheduler, PrioritiesThenOrderOfArrival) {
  SchedulerOptions options;
  options.max_running = 1;
  Bench bench(options);
  const int priorities[] = {0, 0, 5, 1, 5};
  for (int i = 0; i < 5; ++i) {
    ScheduleOptions how;
    how.priority = priorities[i];
    bench.Submit(Plain(5, 3, i), how);
  }
  bench.RunAll();
  EXPECT_EQ(bench.order, (std::vector<RequestId>{2, 4, 3, 0, 1}));
}

TEST(Scheduler, AHigherPrioritySetsALowerOneAside) {
  SchedulerOptions options;
  options.max_running = 1;
  Bench bench(options);
  bench.Submit(Plain(5, 20));
  for (int i = 0; i < 5; ++i) bench.scheduler.Step();
  ScheduleOptions how;
  how.priority = 1;
  bench.Submit(Plain(6, 3), how);
  bench.RunAll();
  EXPECT_EQ(bench.order, (std::vector<RequestId>{1, 0}));
  EXPECT_EQ(bench.results.at(0).set_aside, 1);
  ExpectSame(bench.results.at(0).sequences[0], Alone(Plain(5, 20), "dense")[0], "the one that waited");
}

TEST(Scheduler, AgeOutweighsPriority) {
  SchedulerOptions options;
  options.max_running = 1;
  options.aging_seconds = 0.01;
  Bench bench(options);
  bench.Submit(Plain(5, 3));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ScheduleOptions how;
  how.priority = 2;
  bench.Submit(Plain(5, 3, 4), how);
  bench.RunAll();
  EXPECT_EQ(bench.order.front(), 0);
}

TEST(Scheduler, EqualBeginningsAreReadOnce) {
  Bench bench({}, "learned");
  std::vector<GenerateRequest> requests;
  for (int i = 0; i < 5; ++i) {
    GenerateRequest request = Plain(40, 6);
    if (i != 1) request.prompt.push_back(i);
    request.options.sampling.temperature = 1.0f;
    request.stream = static_cast<uint64_t>(i);
    requests.push_back(request);
  }
  requests.push_back(requests[1]);
  for (const GenerateRequest& request : requests) bench.Submit(request);
  bench.RunAll();
  const SchedulerStats stats = bench.scheduler.Stats();
  EXPECT_EQ(stats.shared_prompt_hits, 5);
  EXPECT_GE(stats.shared_prompt_tokens, 5 * 32);
  EXPECT_EQ(stats.prompt_tokens + stats.shared_prompt_tokens, 4 * 41 + 2 * 40);
  for (size_t i = 0; i < requests.size(); ++i) {
    ExpectSame(bench.results.at(static_cast<RequestId>(i)).sequences[0], Alone(requests[i], "learned")[0],
               std::to_string(i));
  }
  SchedulerOptions apart;
  apart.max_shared_prompts = 0;
  Bench other(apart);
  for (const GenerateRequest& request : requests) other.Submit(request);
  other.RunAll();
  EXPECT_EQ(other.scheduler.Stats().shared_prompt_tokens, 0);
}

TEST(Scheduler, CancelFreesMemoryWithinAStep) {
  Bench bench;
  const RequestId running = bench.Submit(Plain(30, 50));
  for (int i = 0; i < 4; ++i) bench.scheduler.Step();
  bench.scheduler.Cancel(running);
  const RequestId waiting = bench.Submit(Plain(5, 5));
  bench.scheduler.Cancel(waiting);
  bench.scheduler.Cancel(12345);
  EXPECT_FALSE(bench.scheduler.Step());
  EXPECT_EQ(bench.results.at(running).sequences[0].finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(bench.results.at(running).sequences[0].generated_ids.size(), 3u);
  EXPECT_EQ(bench.results.at(waiting).sequences[0].finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(bench.session.cache().Stats().pages_in_use, 0u);
}

TEST(Scheduler, CallbacksMayCancelByTheirAnswerOrByThrowing) {
  Bench bench;
  for (int i = 0; i < 2; ++i) {
    ScheduleOptions how;
    how.on_token = [i, n = 0](const GeneratedToken&) mutable {
      if (++n < 3) return true;
      if (i == 0) return false;
      throw std::runtime_error("of the caller's");
    };
    bench.Submit(Plain(5, 50, i), how);
  }
  bench.Submit(Plain(5, 6, 9));
  bench.RunAll();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(bench.results.at(i).sequences[0].finish_reason, FinishReason::kCancelled);
    EXPECT_EQ(bench.results.at(i).sequences[0].generated_ids.size(), 3u);
  }
  EXPECT_EQ(bench.results.at(2).sequences[0].finish_reason, FinishReason::kLength);
}

TEST(Scheduler, DeadlinesEndWhatTheyFind) {
  Bench bench;
  ScheduleOptions how;
  how.deadline_seconds = 0.03;
  bench.Submit(Plain(5, 70), how);
  bench.scheduler.Step();
  std::this_thread::sleep_for(std::chrono::milliseconds(40));
  bench.scheduler.Step();
  const GeneratedSequence& sequence = bench.results.at(0).sequences[0];
  EXPECT_EQ(sequence.finish_reason, FinishReason::kError);
  EXPECT_NE(sequence.error.find("0.03"), std::string::npos);
  EXPECT_FALSE(sequence.generated_ids.empty()) << "what was made is given";
}

TEST(Scheduler, WrongRequestsAreRefusedAndFullQueuesSaySo) {
  SchedulerOptions options;
  options.max_waiting = 2;
  Bench bench(options);
  ExpectError(ErrorCode::kContextFull, {"81", "80"}, [&] { bench.scheduler.Submit(Plain(81, 1)); });
  ExpectError(ErrorCode::kInvalidArgument, {"max_new_tokens"}, [&] { bench.scheduler.Submit(Plain(5, 0)); });
  GenerateRequest stops = Plain(5, 5);
  stops.options.stop = {"x"};
  ExpectError(ErrorCode::kInvalidArgument, {"stop"}, [&] { bench.scheduler.Submit(stops); });
  GenerateRequest drops = Plain(5, 5);
  drops.options.report_drops = true;
  ExpectError(ErrorCode::kInvalidArgument, {"report_drops"}, [&] { bench.scheduler.Submit(drops); });
  bench.Submit(Plain(5, 5));
  bench.Submit(Plain(5, 5));
  EXPECT_FALSE(bench.scheduler.Submit(Plain(5, 5)).has_value());
  EXPECT_EQ(bench.scheduler.Stats().refused, 1);
  bench.RunAll();
  EXPECT_EQ(bench.results.size(), 2u);
  options.max_waiting = -1;
  ExpectError(ErrorCode::kInvalidArgument, {"max_waiting", "-1"}, [&] { Bench wrong(options); });
}

TEST(Scheduler, PromptsThatWereReadBefore) {
  ThreadPool pool(2);
  Session session(SmallModel(), pool, Options("dense"));
  const PromptState state = ReadPrompt(session, Ids(20));
  std::vector<ScheduledResult> results;
  {
    Scheduler scheduler(session, nullptr);
    for (const size_t prompt : {20, 30}) {
      GenerateRequest request = Plain(prompt, 5);
      request.start = &state;
      ScheduleOptions how;
      how.on_done = [&](ScheduledResult result) { results.push_back(std::move(result)); };
      scheduler.Submit(request, how);
    }
    while (scheduler.Step()) continue;
    EXPECT_EQ(scheduler.Stats().prompt_tokens, 10);
    scheduler.Submit(Plain(10, 30));
    scheduler.Step();
  }
  ASSERT_EQ(results.size(), 2u);
  for (const ScheduledResult& result : results) {
    GenerateRequest request = Plain(result.prompt_tokens, 5);
    request.start = &state;
    ExpectSame(result.sequences[0], Generate(session, {&request, 1}).sequences[0], "");
  }
  EXPECT_EQ(session.cache().Sequences().size(), 1u) << "what the destructor found went, the prompt stays";
}

TEST(Scheduler, DropsAreToldAsTheyHappen) {
  ThreadPool pool(2);
  SessionOptions session_options = Options("learned");
  session_options.record_drops = true;
  Session session(SmallModel(), pool, session_options);
  GenerateRequest request = Plain(40, 20);
  request.options.report_drops = true;
  std::vector<std::set<int32_t>> dropped(3);
  Scheduler scheduler(session, nullptr);
  ScheduleOptions how;
  how.on_token = [&](const GeneratedToken& token) {
    for (const LayerDrop& drop : token.drops) EXPECT_TRUE(dropped[drop.layer].insert(drop.position).second);
    return true;
  };
  how.on_done = [&](const ScheduledResult& result) {
    for (int layer = 0; layer < 3; ++layer) {
      std::set<int32_t> kept(result.sequences[0].kept[layer].begin(), result.sequences[0].kept[layer].end());
      EXPECT_EQ(kept.size() + dropped[layer].size(), 59u);
      for (const int32_t position : dropped[layer]) EXPECT_FALSE(kept.contains(position));
    }
  };
  scheduler.Submit(request, how);
  while (scheduler.Step()) continue;
  EXPECT_FALSE(dropped[0].empty());
}

TEST(Scheduler, LogProbabilitiesOfThePromptAreThoseOfAForwardPass) {
  Bench bench({}, "learned");
  std::vector<GeneratedLogprobs> got;
  ScheduleOptions how;
  how.prompt_logprobs = 2;
  how.on_done = [&](ScheduledResult result) { got = std::move(result.prompt_logprobs); };
  GenerateRequest request = Plain(40, 4);
  const RequestId id = bench.scheduler.Submit(request, how).value();
  bench.Submit(Plain(40, 6));
  bench.RunAll();
  (void)id;
  ASSERT_EQ(got.size(), 39u);
  ThreadPool pool(1);
  Session session(SmallModel(), pool, Options("learned"));
  const FeedItem item{session.Add(), request.prompt, LogitsMode::kAll};
  const Logits logits = session.Prefill({&item, 1});
  for (size_t i = 0; i + 1 < request.prompt.size(); ++i) {
    const std::span<const float> row = logits.row(i);
    double sum = 0;
    for (const float logit : row) sum += std::exp(static_cast<double>(logit));
    EXPECT_NEAR(got[i].logprob, row[request.prompt[i + 1]] - std::log(sum), 1e-5);
    ASSERT_EQ(got[i].top.size(), 2u);
    EXPECT_EQ(got[i].top[0].id, std::max_element(row.begin(), row.end()) - row.begin());
  }
  how.prompt_logprobs = 54;
  ExpectError(ErrorCode::kInvalidArgument, {"prompt_logprobs", "54"}, [&] { bench.scheduler.Submit(request, how); });
}

// Submit, Cancel and Stats from many threads while one steps; under ThreadSanitizer in tools/check.sh.
TEST(SchedulerThreads, RequestsComeFromManyThreads) {
  SchedulerOptions options;
  options.kv_budget_bytes = 400 << 10;
  options.max_running = 12;
  ThreadPool pool(2);
  Session session(SmallModel(), pool, Options("learned"));
  Scheduler scheduler(session, nullptr, options);
  std::atomic<bool> stop = false;
  std::atomic<int> done = 0, submitted = 0;
  std::thread stepper([&] {
    while (!stop || done < submitted) {
      if (!scheduler.Step()) scheduler.WaitForWork(std::chrono::milliseconds(20));
    }
  });
  std::vector<std::thread> clients;
  for (unsigned c = 0; c < 4; ++c) {
    clients.emplace_back([&, c] {
      RequestMaker maker(100 + c);
      for (int i = 0; i < 25; ++i) {
        ScheduleOptions how;
        how.on_done = [&](const ScheduledResult&) { ++done; };
        ++submitted;
        const auto id = scheduler.Submit(maker.Make(), how);
        if (id && maker.Number(4) == 0) scheduler.Cancel(*id);
        EXPECT_LE(scheduler.Stats().cache.reserved_bytes, options.kv_budget_bytes);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  stop = true;
  stepper.join();
  EXPECT_EQ(done, 100);
}

}  // namespace
}  // namespace dcp
