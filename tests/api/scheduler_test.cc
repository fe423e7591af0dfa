// Promises of scheduler.h about what is refused, and about what is thrown into it.
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>

#include "tests/api/api_testing.h"

namespace dcp {
namespace {

using api_testing::ExpectError;
using api_testing::Ids;
using api_testing::Policy;
using api_testing::SmallModel;
using api_testing::WithPolicy;

constexpr auto kInvalid = ErrorCode::kInvalidArgument;

// Throws an Own at the second token.
struct Own {};
class Throwing : public LogitsProcessor {
 public:
  void Process(const TokenHistory& history, std::span<float>) const override {
    if (history.generated().size() == 1) throw Own();
  }
};

class SchedulerApi : public testing::Test {
 protected:
  static GenerateRequest Request(int tokens = 4) { return {Ids(6), {.max_new_tokens = tokens}}; }

  // Submits, and files the answer under the id.
  RequestId Submit(Scheduler& scheduler, GenerateRequest request, ScheduleOptions options = {}) {
    options.on_done = [this](ScheduledResult result) { done_[result.id] = std::move(result); };
    return scheduler.Submit(std::move(request), std::move(options)).value();
  }
  const GeneratedSequence& Answer(RequestId id) { return done_.at(id).sequences.at(0); }

  ThreadPool pool_{2};
  Session session_{SmallModel(), pool_, WithPolicy("learned")};
  std::map<RequestId, ScheduledResult> done_;
};

TEST_F(SchedulerApi, OptionsOutOfRangeAreNamed) {
  const auto refused = [&](const SchedulerOptions& options, const std::vector<std::string>& names) {
    ExpectError(kInvalid, names, [&] { Scheduler scheduler(session_, nullptr, options); });
  };
  refused({.kv_budget_bytes = 1}, {"kv_budget_bytes", "1"});
  refused({.max_running = -1}, {"max_running", "-1"});
  refused({.max_waiting = -1}, {"max_waiting", "-1"});
  refused({.prompt_tokens_per_step = 0}, {"prompt_tokens_per_step", "0", "1"});
  refused({.max_shared_prompts = -1}, {"max_shared_prompts", "-1"});
  refused({.aging_seconds = -1}, {"aging_seconds", "-1"});
  refused({.aging_seconds = std::nan("")}, {"aging_seconds", "nan"});
  ExpectError(ErrorCode::kIo, {"no/such/directory"},
              [&] { Scheduler scheduler(session_, nullptr, {.spool_directory = "no/such/directory"}); });
}

TEST_F(SchedulerApi, WhatIsWrongWithARequestIsNamedAndItIsNotTaken) {
  Scheduler scheduler(session_, nullptr);
  const auto refused = [&](ErrorCode code, GenerateRequest request, ScheduleOptions options,
                           const std::vector<std::string>& names) {
    ExpectError(code, names, [&] { scheduler.Submit(request, options); });
    EXPECT_EQ(scheduler.Stats().submitted, 0);
    EXPECT_FALSE(scheduler.Step());
  };
  refused(ErrorCode::kContextFull, {Ids(81), {}}, {}, {"81", "80"});
  refused(kInvalid, {{53}, {}}, {}, {"53", "52"});
  refused(kInvalid, {{}, {}}, {}, {"empty"});
  refused(kInvalid, Request(0), {}, {"max_new_tokens", "0"});
  refused(kInvalid, {Ids(6), {.stop = {"x"}}}, {}, {"stop", "tokenizer"});
  refused(kInvalid, Request(), {.deadline_seconds = -1}, {"deadline_seconds", "-1"});
  refused(kInvalid, Request(), {.deadline_seconds = std::nan("")}, {"deadline_seconds", "nan"});
  refused(kInvalid, Request(), {.prompt_logprobs = -1}, {"prompt_logprobs", "-1"});
  refused(kInvalid, Request(), {.prompt_logprobs = 54}, {"prompt_logprobs", "54", "53"});
  GenerateRequest request = Request();
  request.policy = Policy("h2o:8");
  refused(kInvalid, request, {}, {"h2o:8", "attention"});
  request = Request();
  request.error = "was known to be wrong";
  refused(kInvalid, request, {}, {"was known to be wrong"});
  const PromptState state = ReadPrompt(session_, Ids(3));
  request = Request();
  request.start = &state;
  refused(kInvalid, request, {.prompt_logprobs = 1}, {"prompt_logprobs"});
  request.policy = Policy("dense");
  refused(kInvalid, request, {}, {"policy"});
}

TEST_F(SchedulerApi, AFullQueueTakesNothing) {
  Scheduler scheduler(session_, nullptr, {.max_waiting = 1});
  EXPECT_TRUE(scheduler.Submit(Request()).has_value());
  EXPECT_FALSE(scheduler.Submit(Request()).has_value());
  EXPECT_EQ(scheduler.Stats().refused, 1);
  EXPECT_EQ(scheduler.Stats().waiting, 1);
}

TEST_F(SchedulerApi, CancellingWhatIsNotThereIsPassedOver) {
  Scheduler scheduler(session_, nullptr);
  scheduler.Cancel(-1);
  scheduler.Cancel(1000);
  const RequestId id = Submit(scheduler, Request());
  while (scheduler.Step()) {
  }
  scheduler.Cancel(id);
  scheduler.Step();
  EXPECT_EQ(Answer(id).finish_reason, FinishReason::kLength);
  EXPECT_EQ(scheduler.Stats().cancelled, 0);
}

// Of any type, from a processor: the request ends with an error, the one beside it as if it were alone.
TEST_F(SchedulerApi, WhatIsThrownEndsTheRequestAlone) {
  Scheduler scheduler(session_, nullptr);
  GenerateRequest request = Request();
  request.options.sampling.processors = {std::make_shared<Throwing>()};
  const RequestId bad = Submit(scheduler, request);
  const RequestId good = Submit(scheduler, Request());
  while (scheduler.Step()) {
  }
  EXPECT_EQ(Answer(bad).finish_reason, FinishReason::kError);
  EXPECT_NE(Answer(bad).error.find("no std::exception"), std::string::npos) << Answer(bad).error;
  EXPECT_EQ(Answer(good).finish_reason, FinishReason::kLength);
  EXPECT_EQ(Answer(good).generated_ids, Generate(session_, {{{Request()}}}).sequences[0].generated_ids);
  EXPECT_EQ(scheduler.Stats().failed, 1);
}

TEST_F(SchedulerApi, WhatAPolicyThrowsEndsTheRequestsOfThePass) {
  class Policy : public EvictionPolicy {
    std::string name() const override { return "foreign"; }
    void Select(const SlotsView& slots, std::vector<Eviction>&) const override {
      if (slots.position == 8) throw Own();
    }
  };
  SessionOptions options;
  options.policy = std::make_shared<Policy>();
  Session session(SmallModel(), pool_, options);
  Scheduler scheduler(session, nullptr);
  const RequestId bad = Submit(scheduler, Request());
  while (scheduler.Step()) {
  }
  EXPECT_EQ(Answer(bad).finish_reason, FinishReason::kError);
  const RequestId good = Submit(scheduler, Request(2));  // ends before that position
  while (scheduler.Step()) {
  }
  EXPECT_EQ(Answer(good).finish_reason, FinishReason::kLength) << Answer(good).error;
}

TEST_F(SchedulerApi, WhatCallbacksThrowGoesNoFurther) {
  Scheduler scheduler(session_, nullptr);
  const RequestId cancelled =
      Submit(scheduler, Request(), {.on_token = [](const GeneratedToken&) -> bool { throw Own(); }});
  int told = 0;
  const auto throws = [&](ScheduledResult) {
    ++told;
    throw std::runtime_error("of the program");
  };
  ScheduleOptions options;
  options.on_done = throws;
  scheduler.Submit(Request(), std::move(options));
  while (scheduler.Step()) {
  }
  EXPECT_EQ(Answer(cancelled).finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(told, 1);
  const RequestId asked =
      Submit(scheduler, Request(), {.prompt_logprobs = 1, .on_prompt = [](auto&&) { throw Own(); }});
  while (scheduler.Step()) {
  }
  EXPECT_EQ(Answer(asked).finish_reason, FinishReason::kCancelled);
}

TEST_F(SchedulerApi, TheDestructorTellsNobodyAndLeavesNothing) {
  {
    Scheduler scheduler(session_, nullptr, {.max_shared_prompts = 0});
    Submit(scheduler, Request(50));
    scheduler.Step();
    scheduler.Step();
    EXPECT_FALSE(session_.cache().Sequences().empty());
  }
  EXPECT_TRUE(done_.empty());
  EXPECT_TRUE(session_.cache().Sequences().empty());
}

TEST_F(SchedulerApi, WaitsForWorkNoLongerThanItIsTold) {
  Scheduler scheduler(session_, nullptr);
  EXPECT_FALSE(scheduler.WaitForWork(std::chrono::milliseconds(1)));
  Submit(scheduler, Request());
  EXPECT_TRUE(scheduler.WaitForWork(std::chrono::hours(1)));
}

TEST(LatencyHistogramApi, CountsEachValueOnce) {
  LatencyHistogram histogram;
  for (const double seconds : {0.0, 0.001, 0.002, 1000.0}) histogram.Add(seconds);
  EXPECT_EQ(histogram.counts[0], 2);
  EXPECT_EQ(histogram.counts[1], 1);
  EXPECT_EQ(histogram.count, 4);
  EXPECT_DOUBLE_EQ(histogram.sum, 1000.003);
}

}  // namespace
}  // namespace dcp
