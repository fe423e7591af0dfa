#include "dcp/scheduler.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <utility>

#include "dcp/error.h"
#include "runtime/scheduled_job.h"
#include "runtime/scheduler_batch.h"

namespace dcp {
namespace {

template <typename T>
void AtLeast(const char* field, T value, T least) {
  if (value >= least) return;
  throw Error(ErrorCode::kInvalidArgument, std::string("scheduler: ") + field + " is " + std::to_string(value) +
                                               ", must be at least " + std::to_string(least));
}

const SchedulerOptions& Checked(const SchedulerOptions& options) {
  AtLeast("max_running", options.max_running, 0);
  AtLeast("max_waiting", options.max_waiting, 0);
  AtLeast("prompt_tokens_per_step", options.prompt_tokens_per_step, 1);
  AtLeast("max_shared_prompts", options.max_shared_prompts, 0);
  if (!(options.aging_seconds >= 0.0)) AtLeast("aging_seconds", options.aging_seconds, 0.0);
  return options;
}

}  // namespace

void LatencyHistogram::Add(double seconds) {
  const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
  if (bound != kBounds.end()) ++counts[static_cast<size_t>(bound - kBounds.begin())];
  ++count;
  sum += seconds;
}

struct Scheduler::Impl {
  Impl(Session& session, const Tokenizer* tokenizer, const SchedulerOptions& options_in)
      : options(Checked(options_in)), context{session, tokenizer}, batch(context, options) {
    stats = batch.Stats();
  }

  // Moves what has arrived to the batch.
  void TakeArrivals() {
    std::vector<RequestId> ids;
    {
      const std::lock_guard lock(mutex);
      batch.Add(arrived);
      ids.swap(cancelled);
    }
    for (const RequestId id : ids) batch.Cancel(id);
  }

  bool HasWork() const { return !batch_idle || !arrived.empty() || !cancelled.empty(); }

  const SchedulerOptions options;
  JobContext context;
  SchedulerBatch batch;  // of the thread that steps

  mutable std::mutex mutex;  // of everything below
  std::condition_variable work;
  std::vector<std::unique_ptr<ScheduledJob>> arrived;
  std::vector<RequestId> cancelled;
  RequestId next_id = 0;
  size_t batch_waiting = 0;
  RequestId batch_first = 0;  // no request before it is left
  bool batch_idle = true;
  int64_t submitted = 0;
  int64_t refused = 0;
  SchedulerStats stats;
};

Scheduler::Scheduler(Session& session, const Tokenizer* tokenizer, const SchedulerOptions& options)
    : impl_(std::make_unique<Impl>(session, tokenizer, options)) {}

Scheduler::~Scheduler() = default;

std::optional<RequestId> Scheduler::Submit(GenerateRequest request, ScheduleOptions options) {
  if (!(options.deadline_seconds >= 0.0)) AtLeast("deadline_seconds", options.deadline_seconds, 0.0);
  auto job = std::make_unique<ScheduledJob>(std::move(request), std::move(options), impl_->context);
  const std::lock_guard lock(impl_->mutex);
  const size_t waiting = impl_->batch_waiting + impl_->arrived.size();
  if (impl_->options.max_waiting > 0 && waiting >= static_cast<size_t>(impl_->options.max_waiting)) {
    ++impl_->refused;
    return std::nullopt;
  }
  ++impl_->submitted;
  job->Name(impl_->next_id++);
  const RequestId id = job->id();
  impl_->arrived.push_back(std::move(job));
  impl_->work.notify_all();
  return id;
}

void Scheduler::Cancel(RequestId id) {
  const std::lock_guard lock(impl_->mutex);
  impl_->cancelled.push_back(id);
  impl_->work.notify_all();
}

void Scheduler::CancelAll() {
  const std::lock_guard lock(impl_->mutex);
  for (RequestId id = impl_->batch_first; id < impl_->next_id; ++id) impl_->cancelled.push_back(id);
  impl_->work.notify_all();
}

bool Scheduler::Step() {
  try {
    impl_->TakeArrivals();
    impl_->batch.Step();
  } catch (...) {  // outside of a pass, which sees to its own
    impl_->batch.FailAdmitted(std::current_exception());
  }
  SchedulerStats stats = impl_->batch.Stats();
  const std::lock_guard lock(impl_->mutex);
  impl_->stats = std::move(stats);
  impl_->batch_waiting = impl_->batch.waiting();
  impl_->batch_idle = impl_->batch.idle();
  impl_->batch_first = impl_->batch.FirstId(impl_->next_id);
  return impl_->HasWork();
}

bool Scheduler::WaitForWork(std::chrono::milliseconds most) {
  std::unique_lock lock(impl_->mutex);
  return impl_->work.wait_for(lock, most, [&] { return impl_->HasWork(); });
}

SchedulerStats Scheduler::Stats() const {
  const std::lock_guard lock(impl_->mutex);
  SchedulerStats stats = impl_->stats;
  stats.waiting = static_cast<int>(impl_->batch_waiting + impl_->arrived.size());
  stats.submitted = impl_->submitted;
  stats.refused = impl_->refused;
  return stats;
}

}  // namespace dcp
