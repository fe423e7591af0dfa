#include "tests/soak/scheduler_soak.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "common/format.h"
#include "common/measure.h"
#include "dcp/dcp.h"
#include "tests/soak/memory_watch.h"
#include "tests/soak/random_requests.h"
#include "tests/soak/violations.h"

namespace dcp::soak {
namespace {

using std::chrono::milliseconds;

constexpr int kSubmitters = 3;
constexpr int64_t kLeak = 256 << 10;  // bytes that malloc may have given out more of, after as many rounds as one likes

struct Totals {
  size_t rounds = 0, submitted = 0, refused = 0, whole = 0, parts = 0, failed = 0;
  int64_t tokens = 0, steps = 0, set_aside = 0, shared_hits = 0;
};

// What came of one request.
struct Answer {
  GenerateRequest request;
  std::optional<ScheduledResult> result;
  bool told_twice = false;
};

// One session and scheduler, from the first request to the last answer.
class Round {
 public:
  Round(uint64_t seed, std::shared_ptr<const Model> model, int requests, double end, Totals& totals,
        Violations& violations)
      : draw_(seed),
        model_(std::move(model)),
        setting_(DrawSetting(draw_, *model_)),
        requests_(requests),
        end_(end),
        totals_(totals),
        violations_(violations) {}

  void Run(const std::atomic<bool>& interrupted) {
    {
      ThreadPool pool(setting_.threads);
      Session session(model_, pool, setting_.session);
      {
        Scheduler scheduler(session, nullptr, setting_.scheduler);
        Load(session, scheduler, interrupted);
        Account(scheduler.Stats());
      }
      if (session.cache().Stats().pages_in_use != 0) Violate("pages in use after the scheduler has gone");
      if (!session.cache().Sequences().empty()) Violate("sequences after the scheduler has gone");
    }
    if (!interrupted) CompareAll();
    ++totals_.rounds;
  }

 private:
  void Violate(const std::string& what) { violations_.Add(setting_.text + ": " + what); }

  void Load(const Session& session, Scheduler& scheduler, const std::atomic<bool>& interrupted) {
    std::atomic<int> submitting = kSubmitters;
    std::vector<std::jthread> submitters;
    for (int i = 0; i < kSubmitters; ++i) {
      submitters.emplace_back([&, seed = draw_.Bits()] {
        Submit(Draw(seed), session, scheduler, interrupted);
        --submitting;
      });
    }
    while (true) {
      if (interrupted) scheduler.CancelAll();
      const bool over = submitting == 0;  // looked at before the step that finds nothing to do
      const bool more = scheduler.Step();
      const SchedulerStats stats = scheduler.Stats();
      const size_t budget = setting_.scheduler.kv_budget_bytes;
      const size_t held = std::max(stats.kv_reserved_peak_bytes, stats.cache.reserved_bytes);
      if (budget > 0 && held > std::max(budget, most_held_)) {
        most_held_ = held;
        Violate("the cache held " + std::to_string(held) + " bytes");
      }
      if (!more && over) break;
      if (!more) scheduler.WaitForWork(milliseconds(2));
    }
  }

  // A third of the requests, in bursts; some are cancelled, by one way or another.
  void Submit(Draw draw, const Session& session, Scheduler& scheduler, const std::atomic<bool>& interrupted) {
    std::vector<RequestId> own;
    for (int i = 0; i < requests_ / kSubmitters && !interrupted && (i < 10 || tools::SecondsNow() < end_); ++i) {
      if (draw.OneIn(8)) std::this_thread::sleep_for(std::chrono::microseconds(draw.Below(4000)));
      GenerateRequest request = DrawRequest(draw, *model_, setting_);
      try {
        session.CheckSequencePolicy(request.policy);
      } catch (const Error&) {
        request.policy = nullptr;
      }
      if (const auto id = SubmitOne(draw, scheduler, request)) own.push_back(*id);
      if (!own.empty() && draw.OneIn(10))
        scheduler.Cancel(own[static_cast<size_t>(draw.Below(static_cast<int>(own.size())))]);
      // A queue that is nearly full empties at its own pace; now and then it is overrun.
      const int most = setting_.scheduler.max_waiting > 0 ? setting_.scheduler.max_waiting : 200;
      while (!draw.OneIn(20) && scheduler.Stats().waiting + kSubmitters > most && !interrupted) {
        std::this_thread::sleep_for(milliseconds(1));
      }
    }
  }

  std::optional<RequestId> SubmitOne(Draw& draw, Scheduler& scheduler, const GenerateRequest& request) {
    const auto answer = std::make_shared<Answer>();
    answer->request = request;
    ScheduleOptions how;
    how.priority = draw.Below(3);
    if (draw.OneIn(12)) how.deadline_seconds = 0.001 + 0.05 * draw.Share();
    const int stop_at = draw.OneIn(12) ? draw.Below(20) : -1;
    const bool throws = draw.OneIn(2);
    how.on_token = [stop_at, throws, told = 0](const GeneratedToken&) mutable {
      if (told++ != stop_at) return true;
      if (throws) throw std::runtime_error("of the caller's");
      return false;
    };
    how.on_done = [answer](ScheduledResult result) {
      answer->told_twice = answer->result.has_value();
      answer->result = std::move(result);
    };
    std::optional<RequestId> id;
    try {
      id = scheduler.Submit(request, std::move(how));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kContextFull) Violate(std::string("refused: ") + error.what());
    }
    const std::lock_guard guard(mutex_);
    if (id) {
      answers_.push_back(answer);
    } else {
      ++totals_.refused;
    }
    return id;
  }

  void Account(const SchedulerStats& stats) {
    totals_.submitted += answers_.size();
    totals_.tokens += stats.generated_tokens;
    totals_.steps += stats.steps;
    totals_.set_aside += stats.times_set_aside;
    totals_.shared_hits += stats.shared_prompt_hits;
    if (stats.waiting + stats.running + stats.set_aside + stats.sequences != 0) Violate("something is left to do");
    if (stats.finished + stats.cancelled + stats.failed != static_cast<int64_t>(answers_.size())) {
      Violate("finished, cancelled and failed requests are not those that were taken");
    }
  }

  void CompareAll() {
    ThreadPool pool(1);
    Session session(model_, pool, setting_.session);
    for (const auto& answer : answers_) {
      if (!answer->result) {
        Violate("a request was never answered");
      } else if (answer->told_twice) {
        Violate("a request was answered twice");
      } else {
        Compare(session, answer->request, *answer->result);
      }
    }
  }

  static std::string Ids(const GeneratedSequence& sequence) {
    std::string text;
    for (const TokenId id : sequence.generated_ids) text += " " + std::to_string(id);
    return text + " (" + std::string(ToString(sequence.finish_reason)) + sequence.error + ")";
  }

  static std::string Describe(const GenerateRequest& request) {
    const GenerateOptions& options = request.options;
    return tools::Format("prompt %zu, new %d, samples %d, beams %d, slide %d, cut %d, temperature %g, own policy %s:",
                         request.prompt.size(), options.max_new_tokens, options.samples, options.num_beams,
                         options.overflow == Overflow::kSlide, options.truncate == Truncate::kLeft,
                         static_cast<double>(options.sampling.temperature),
                         request.policy ? request.policy->name().c_str() : "none");
  }

  void Compare(Session& alone, const GenerateRequest& request, const ScheduledResult& result) {
    const auto& first = result.sequences.at(0);
    const bool failed = first.finish_reason == FinishReason::kError;
    if (failed && first.error.rfind("deadline", 0) != 0) {
      if (first.error.rfind("kv_budget", 0) != 0) Violate("an error: " + first.error);
      ++totals_.failed;
      return;
    }
    const std::vector<GeneratedSequence> expected = Generate(alone, {&request, 1}).sequences;
    const auto cut_short = [](const GeneratedSequence& sequence) {
      return sequence.finish_reason == FinishReason::kCancelled || sequence.finish_reason == FinishReason::kError;
    };
    const bool part = std::any_of(result.sequences.begin(), result.sequences.end(), cut_short);
    ++(part ? totals_.parts : totals_.whole);
    if (part && request.options.num_beams > 1) return;  // beams that are cut short are those of the moment
    if (expected.size() != result.sequences.size()) return Violate("another number of sequences than alone");
    for (size_t i = 0; i < expected.size(); ++i) {
      // Of samples of which some were cut short, others may be through.
      const GeneratedSequence& got = result.sequences[i];
      const std::string difference = Difference(got, expected[i], cut_short(got));
      if (difference.empty()) continue;
      Violate(Describe(request) + " sample " + std::to_string(i) + ", set aside " + std::to_string(result.set_aside) +
              ", shared " + std::to_string(result.shared_prompt_tokens) + ": " + difference +
              " is not as alone:" + Ids(got) + ", alone" + Ids(expected[i]));
    }
  }

  Draw draw_;
  const std::shared_ptr<const Model> model_;
  const Setting setting_;
  const int requests_;
  const double end_;  // no requests after this second
  Totals& totals_;
  Violations& violations_;
  size_t most_held_ = 0;  // beyond the budget
  std::mutex mutex_;
  std::vector<std::shared_ptr<Answer>> answers_;
};

}  // namespace

int RunSchedulerSoak(const SchedulerSoakOptions& options, tools::ToolIo& io) {
  Violations violations;
  Totals totals;
  const double begin = tools::SecondsNow();
  std::shared_ptr<const Model> loaded;
  if (!options.model.empty()) loaded = Model::Load(options.model);
  MemoryWatch watch(getpid(), options.csv, std::max(0.1, options.seconds / 600));
  std::vector<int64_t> allocated;  // at the end of each round
  while (!io.interrupted && (totals.rounds == 0 || tools::SecondsNow() - begin < options.seconds)) {
    const uint64_t seed = options.seed * 1000003 + totals.rounds;
    Round(seed, loaded ? loaded : SmallModel(seed, seed % 3 == 0 ? 5 : 0), options.requests, begin + options.seconds,
          totals, violations)
        .Run(io.interrupted);
    allocated.push_back(AllocatedBytes());
  }
  const std::vector<MemorySample> samples = watch.Samples();
  if (const auto growth = Growth(samples)) violations.Add(*growth);
  if (allocated.size() > 20 && *std::min_element(allocated.end() - 5, allocated.end()) > allocated[9] + kLeak) {
    violations.Add("malloc has given out " + std::to_string(allocated.back()) + " bytes, after the tenth round " +
                   std::to_string(allocated[9]));
  }
  int64_t peak = 0;
  for (const MemorySample& sample : samples) peak = std::max(peak, sample.bytes);
  io.out << tools::Format(
      "scheduler: %.0f s, %zu rounds, %zu requests taken, %zu refused (too long, queue full); %zu whole and %zu cut "
      "short as alone, %zu beyond the budget; %lld tokens, %lld steps, %lld times set aside, %lld beginnings shared; "
      "resident at most %s, malloc %lld bytes after round 10 and %lld at the end; %zu violations\n",
      tools::SecondsNow() - begin, totals.rounds, totals.submitted, totals.refused, totals.whole, totals.parts,
      totals.failed, static_cast<long long>(totals.tokens), static_cast<long long>(totals.steps),
      static_cast<long long>(totals.set_aside), static_cast<long long>(totals.shared_hits),
      tools::HumanBytes(static_cast<double>(peak)).c_str(),
      static_cast<long long>(allocated.size() > 9 ? allocated[9] : 0), static_cast<long long>(allocated.back()),
      violations.count());
  if (io.interrupted) return tools::kExitInterrupted;
  return violations.count() > 0 ? tools::kExitFailure : tools::kExitDone;
}

}  // namespace dcp::soak
