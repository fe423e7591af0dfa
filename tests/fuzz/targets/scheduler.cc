// A scheduler under a budget: the bytes say what is asked for, in which order, what is cancelled, and how much memory
// there is. Whatever they say, each request that ends by itself ends as it does alone under Generate, bit for bit, the
// budget is not passed, and every page goes back.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dcp/dcp.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/unit/runtime/scheduler_testing.h"

namespace {

using namespace dcp;

constexpr size_t kMostRequests = 8;

std::shared_ptr<const Model> ModelOf(bool delayed) {
  const auto make = [](int delay) {
    ModelConfig config = session_testing::SmallShape();
    config.n_layer = 2;
    config.n_positions = 48;
    config.eviction_delay = delay;
    return Model::Random(config, 3);
  };
  static const std::shared_ptr<const Model> models[] = {make(0), make(5)};
  return models[delayed ? 1 : 0];
}

class Run {
 public:
  explicit Run(fuzz::Choices choices) : choices_(choices), model_(ModelOf(choices_.Flag())) {
    constexpr const char* kPolicies[] = {"dense", "learned", "window:9", "sinks:2,8", "h2o:12", "learned@0+window:20"};
    PolicySpec spec = ParsePolicy(kPolicies[choices_.Below(std::size(kPolicies))]);
    spec.threshold = 2.0f;  // of random weights: drops about half of the tokens
    if (choices_.Below(4) == 0) spec.max_kept = 1 + static_cast<int>(choices_.Below(20));
    session_options_.policy = MakePolicy(spec);
    session_options_.prefill_chunk = 1 + static_cast<int>(choices_.Below(24));
    session_options_.max_rows = 1 + static_cast<int>(choices_.Below(40));
    options_.kv_budget_bytes = choices_.Below(5) == 0 ? 0 : 24'000 + 1000 * choices_.Below(256);
    options_.max_running = static_cast<int>(choices_.Below(6));
    options_.max_waiting = static_cast<int>(choices_.Below(5));
    options_.prompt_tokens_per_step = 1 + static_cast<int>(choices_.Below(64));
    options_.max_shared_prompts = static_cast<int>(choices_.Below(4));
    options_.aging_seconds = 0;  // no clock has a say
  }

  void Go() {
    Session session(model_, pool_, session_options_);
    std::unique_ptr<Scheduler> scheduler;
    if (!fuzz::Accepts([&] { scheduler = std::make_unique<Scheduler>(session, nullptr, options_); })) return;
    while (!choices_.empty() && requests_.size() < kMostRequests) {
      const size_t what = choices_.Below(8);
      if (what < 3) {
        Submit(*scheduler);
      } else if (what == 3 && !requests_.empty()) {
        scheduler->Cancel(Somebody());
      } else {
        Step(*scheduler);
      }
    }
    for (int steps = 0; Step(*scheduler); ++steps) fuzz::Require(steps < 5000, "it comes to an end");
    fuzz::Require(results_.size() == requests_.size(), "each request has an answer");
    scheduler.reset();
    fuzz::Require(session.cache().Sequences().empty() && session.cache().Stats().pages_in_use == 0, "all went back");
    for (const auto& [id, result] : results_) Check(requests_.at(id), result);
  }

 private:
  bool Step(Scheduler& scheduler) {
    const bool more = scheduler.Step();
    const SchedulerStats stats = scheduler.Stats();
    fuzz::Require(options_.kv_budget_bytes == 0 || stats.kv_reserved_peak_bytes <= options_.kv_budget_bytes,
                  "the budget is kept");
    return more;
  }

  RequestId Somebody() {
    auto request = requests_.begin();
    std::advance(request, static_cast<std::ptrdiff_t>(choices_.Below(requests_.size())));
    return request->first;
  }

  GenerateRequest Make() {
    GenerateRequest request;
    request.prompt = session_testing::Ids(1 + choices_.Below(44), static_cast<int>(choices_.Below(3)));
    request.stream = choices_.Byte();
    GenerateOptions& options = request.options;
    options.max_new_tokens = 1 + static_cast<int>(choices_.Below(30));
    options.sampling.seed = choices_.Byte();
    options.sampling.temperature = choices_.Flag() ? 1.0f : 0.0f;
    const size_t kind = choices_.Below(10);
    if (kind == 0) options.samples = 2 + static_cast<int>(choices_.Below(3));
    if (kind == 1) options.num_beams = 2 + static_cast<int>(choices_.Below(2)), options.sampling.temperature = 0;
    if (kind == 2) options.continuations = {session_testing::Ids(1 + choices_.Below(6), 5), session_testing::Ids(3, 6)};
    if (kind == 3) options.overflow = Overflow::kSlide, options.max_new_tokens = 60;
    if (kind == 4) options.truncate = Truncate::kLeft;
    if (kind == 5) options.logprobs = 2, options.sampling.repetition_penalty = 1.3f;
    return request;
  }

  void Submit(Scheduler& scheduler) {
    const GenerateRequest request = Make();
    ScheduleOptions options;
    options.priority = static_cast<int>(choices_.Below(3));
    options.on_done = [this](ScheduledResult result) {
      const RequestId id = result.id;
      fuzz::Require(results_.emplace(id, std::move(result)).second, "one answer for one request");
    };
    std::optional<RequestId> id;
    if (!fuzz::Accepts([&] { id = scheduler.Submit(request, std::move(options)); }) || !id) return;
    requests_.emplace(*id, request);
  }

  void Check(const GenerateRequest& request, const ScheduledResult& result) {
    for (const GeneratedSequence& sequence : result.sequences) {
      if (sequence.finish_reason == FinishReason::kCancelled) return;
      if (sequence.finish_reason == FinishReason::kError) {
        fuzz::CheckMessage(ErrorCode::kOutOfMemory, sequence.error);
        fuzz::Require(options_.kv_budget_bytes > 0, "only the budget is a reason not to go on");
        return;
      }
    }
    Session session(model_, pool_, session_options_);
    const GenerateResult alone = Generate(session, {&request, 1});
    fuzz::Require(alone.sequences.size() == result.sequences.size(), "as many sequences as alone");
    for (size_t i = 0; i < alone.sequences.size(); ++i) {
      session_testing::ExpectSame(result.sequences[i], alone.sequences[i], "sequence " + std::to_string(i));
    }
  }

  fuzz::Choices choices_;
  std::shared_ptr<const Model> model_;
  ThreadPool pool_{1};
  SessionOptions session_options_;
  SchedulerOptions options_;
  std::map<RequestId, GenerateRequest> requests_;
  std::map<RequestId, ScheduledResult> results_;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  testing::InitGoogleTest(argc, *argv);
  GTEST_FLAG_SET(throw_on_failure, true);  // nothing catches it: what differs is a finding
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Run(fuzz::Choices(std::span(data, size))).Go();
  return 0;
}
