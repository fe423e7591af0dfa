#include "runtime/scheduler_batch.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <new>
#include <utility>

#include "dcp/error.h"

namespace dcp {
namespace {

// What a request is told of an exception that ends it. Thrown once more and caught by its type, not cast: so what a
// program throws that was compiled with -fno-rtti is known as well.
std::string WhyOf(std::exception_ptr error) {
  try {
    std::rethrow_exception(std::move(error));
  } catch (const std::bad_alloc&) {
    return "scheduler: the system refused memory";
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "scheduler: something was thrown that is no std::exception";
  }
}

double Seconds(SchedulerClock::time_point begin, SchedulerClock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

SchedulerBatch::SchedulerBatch(JobContext& context, const SchedulerOptions& options)
    : context_(context),
      session_(context.session),
      options_(options),
      budget_(session_, options.kv_budget_bytes),
      shared_(session_, static_cast<size_t>(options.max_shared_prompts)) {
  if (!options_.spool_directory.empty()) {
    spool_ = std::make_unique<SpoolFile>(options_.spool_directory, budget_.cache().shape().page.page_bytes());
  }
}

SchedulerBatch::~SchedulerBatch() = default;

void SchedulerBatch::Add(std::vector<std::unique_ptr<ScheduledJob>>& jobs) {
  waiting_.reserve(waiting_.size() + jobs.size());
  for (std::unique_ptr<ScheduledJob>& job : jobs) {
    shared_.Count(*job);
    job->time_to_first_token = &stats_.time_to_first_token;
    job->between_tokens = &stats_.between_tokens;
    waiting_.push_back(std::move(job));
  }
  jobs.clear();
}

// Older ones count for more, all at the same rate: among equals the first to come is before the others at any time.
double SchedulerBatch::Priority(const ScheduledJob& job) const {
  const double aged = options_.aging_seconds > 0.0 ? std::floor(job.Age(now_) / options_.aging_seconds) : 0.0;
  return job.options().priority + aged;
}

bool SchedulerBatch::Before(const ScheduledJob& a, const ScheduledJob& b) const {
  const double pa = Priority(a), pb = Priority(b);
  return pa != pb ? pa > pb : a.id() < b.id();
}

template <typename Jobs>
void SchedulerBatch::EraseDone(Jobs& jobs) {
  std::erase_if(jobs, [](const auto& job) { return job->told(); });
}

void SchedulerBatch::Cancel(RequestId id) {
  for (auto* jobs : {&waiting_, &admitted_}) {
    for (const auto& job : *jobs) {
      if (job->id() != id || job->done()) continue;
      job->End("");
      ++stats_.cancelled;
      Deliver(*job);
    }
    EraseDone(*jobs);
  }
}

void SchedulerBatch::EndOverdue() {
  for (auto* jobs : {&waiting_, &admitted_}) {
    for (const auto& job : *jobs) {
      if (!job->overdue(now_)) continue;
      char text[96];
      std::snprintf(text, sizeof text, "deadline: %.3g seconds have passed", job->options().deadline_seconds);
      Fail(*job, text);
    }
    EraseDone(*jobs);
  }
}

void SchedulerBatch::Step() {
  now_ = SchedulerClock::now();
  EndOverdue();
  Admit();
  PlanPass();
  if (!parts_.empty()) RunPass();
  EraseDone(waiting_);
  EraseDone(admitted_);
  const double seconds = Seconds(now_, SchedulerClock::now());
  for (const auto& job : admitted_) {
    if (!job->is_aside()) stats_.sequence_seconds += seconds * static_cast<double>(job->width());
  }
  stats_.busy_seconds += seconds;
  stats_.step.Add(seconds);
  ++stats_.steps;
}

void SchedulerBatch::Report(ScheduledJob& job) {
  const size_t before = job.generated();
  job.running()->Report();
  stats_.generated_tokens += static_cast<int64_t>(job.generated() - before);
  if (job.cancelled()) {
    job.End("");
    ++stats_.cancelled;
    return Deliver(job);
  }
  job.Release();
  if (!job.done()) return;
  ++stats_.finished;
  Deliver(job);
}

void SchedulerBatch::Fail(ScheduledJob& job, const std::string& error) {
  if (job.told()) return;
  if (!job.done()) {
    job.End(error);
    ++stats_.failed;
  }
  Deliver(job);
}

void SchedulerBatch::Fail(ScheduledJob& job, std::exception_ptr why) { Fail(job, WhyOf(std::move(why))); }

void SchedulerBatch::FailAdmitted(std::exception_ptr why) {
  const std::string error = WhyOf(std::move(why));
  for (const auto& job : admitted_) Fail(*job, error);
  for (const auto& job : waiting_) {
    if (job->done()) Fail(*job, error);
  }
  EraseDone(admitted_);
  EraseDone(waiting_);
}

void SchedulerBatch::Deliver(ScheduledJob& job) {
  ScheduledResult result = job.TakeResult();
  job.SetTold();
  for (const GeneratedSequence& sequence : result.sequences) {
    const size_t tokens = sequence.prompt_ids.size() + sequence.generated_ids.size();
    for (const auto& kept : sequence.kept) {
      stats_.kept_slots_done += static_cast<int64_t>(kept.size());
      stats_.seen_slots_done += static_cast<int64_t>(std::max<size_t>(kept.size(), tokens - 1));
    }
  }
  if (!job.options().on_done) return;
  try {
    job.options().on_done(std::move(result));
  } catch (...) {  // the contract says that it goes no further
  }
}

RequestId SchedulerBatch::FirstId(RequestId none) const {
  for (const auto* jobs : {&waiting_, &admitted_}) {
    for (const auto& job : *jobs) none = std::min(none, job->id());
  }
  return none;
}

SchedulerStats SchedulerBatch::Stats() const {
  SchedulerStats stats = stats_;
  stats.waiting = static_cast<int>(waiting_.size());
  for (const auto& job : admitted_) {
    if (job->is_aside()) {
      ++stats.set_aside;
      (job->aside()->spooled() ? stats.spooled_bytes : stats.set_aside_bytes) += job->aside()->bytes();
    } else {
      ++stats.running;
      stats.sequences += static_cast<int>(job->width());
    }
  }
  stats.cache = session_.cache().Stats();
  stats.kv_budget_bytes = budget_.bytes();
  stats.kv_reserved_peak_bytes = budget_.cache().reserved_peak();
  return stats;
}

}  // namespace dcp
