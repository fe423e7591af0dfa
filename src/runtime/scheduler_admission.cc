// Who runs: requests that wait or are set aside, and room for them.
#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "dcp/error.h"
#include "runtime/scheduler_batch.h"

namespace dcp {

size_t SchedulerBatch::ActiveCount() const {
  return static_cast<size_t>(std::count_if(admitted_.begin(), admitted_.end(),
                                           [](const auto& job) { return !job->is_aside() && !job->done(); }));
}

ScheduledJob* SchedulerBatch::LastActive() {
  ScheduledJob* last = nullptr;
  for (const auto& job : admitted_) {
    if (job->is_aside() || job->done()) continue;
    if (last == nullptr || Before(*last, *job)) last = job.get();
  }
  return last;
}

// The first of those that are set aside or wait; what others are reading for it is worth waiting for.
ScheduledJob* SchedulerBatch::NextToAdmit() {
  ScheduledJob* next = nullptr;
  for (const auto& job : admitted_) {
    if (job->is_aside() && !job->done() && (next == nullptr || Before(*job, *next))) next = job.get();
  }
  for (const auto& job : waiting_) {
    if (job->admitted() || job->done() || (next != nullptr && !Before(*job, *next))) continue;
    const size_t have = shared_.Find(*job).tokens;
    const auto reads_it = [&](const auto& reader) {
      return reader->reading() && !reader->is_aside() && !reader->done() && shared_.WorthWaiting(*job, *reader, have);
    };
    if (std::none_of(admitted_.begin(), admitted_.end(), reads_it)) next = job.get();
  }
  return next;
}

bool SchedulerBatch::HasSeat(const ScheduledJob& job) const {
  if (options_.max_running == 0) return true;
  size_t width = job.width();
  for (const auto& other : admitted_) {
    if (!other->is_aside()) width += other->width();
  }
  return width <= static_cast<size_t>(options_.max_running);
}

bool SchedulerBatch::IsRoomExpected(const ScheduledJob& job) const {
  if (budget_.bytes() == 0) return true;
  size_t bytes = budget_.Used();
  for (const auto& other : admitted_) {
    if (other->is_aside() || other->done()) continue;
    bytes += job.is_aside() ? budget_.Margin(*other) : budget_.Growth(*other);
  }
  if (!job.is_aside()) return bytes + budget_.Growth(job) <= budget_.bytes();
  return bytes + budget_.Margin(job) + job.aside()->bytes() <= budget_.bytes() &&
         budget_.Fits(job.aside()->sequences(), job.aside()->pages());
}

bool SchedulerBatch::HasRoom(const ScheduledJob& job) {
  while (!IsRoomExpected(job)) {
    if (!shared_.DropOldest()) return false;
  }
  return true;
}

void SchedulerBatch::Admit() {
  while (ScheduledJob* next = NextToAdmit()) {
    ScheduledJob* const last = LastActive();
    if (last != nullptr && !(HasSeat(*next) && HasRoom(*next))) {
      if (Priority(*next) <= Priority(*last)) return;
      SetAside(*last);
      continue;
    }
    AdmitOne(*next);
  }
}

void SchedulerBatch::AdmitOne(ScheduledJob& job) {
  if (job.is_aside()) {
    // Alone, it has the room that it had.
    while (!budget_.Fits(job.aside()->sequences(), job.aside()->pages()) && shared_.DropOldest()) continue;
    try {
      return job.BringBack();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kIo) throw;
      return Fail(job, error.what());
    }
  }
  while (!budget_.Fits(job.width(), 0) && shared_.DropOldest()) continue;
  if (!budget_.Fits(job.width(), 0)) {
    return Fail(job, "kv_budget: " + std::to_string(budget_.bytes()) + " bytes cannot hold its " +
                         std::to_string(job.width()) + " sequences");
  }
  const auto it =
      std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& other) { return other.get() == &job; });
  admitted_.push_back(std::move(*it));
  waiting_.erase(it);
  const PromptState* const start = job.request().start;
  const SharedPrompts::Found found = start == nullptr ? shared_.Find(job) : SharedPrompts::Found{};
  if (start != nullptr) {
    job.Admit(session_.Clone(start->sequence), start->ids.size(), false);
  } else {
    job.Admit(found.tokens > 0 ? session_.Clone(found.sequence) : session_.Add(job.request().policy), found.tokens,
              true);
  }
  if (found.tokens > 0) {
    ++stats_.shared_prompt_hits;
    stats_.shared_prompt_tokens += static_cast<int64_t>(found.tokens);
  }
  if (job.read() < job.prompt().size()) return;
  try {
    job.Begin(start != nullptr ? start->logits : *found.logits);
  } catch (...) {
    return Fail(job, std::current_exception());
  }
  Report(job);
}

void SchedulerBatch::SetAside(ScheduledJob& job) {
  ++stats_.times_set_aside;
  if (SpoolIsFor(job)) {
    try {
      return job.SetAside(budget_.cache(), true, spool_.get());
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kIo) throw;
      ++stats_.spool_failures;
      stats_.spool_error = error.what();
    }
  }
  job.SetAside(budget_.cache(), true);
}

bool SchedulerBatch::SpoolIsFor(const ScheduledJob& job) const {
  if (spool_ == nullptr) return false;
  size_t bytes = 0;
  for (const auto& other : admitted_) {
    if (other->is_aside() && !other->aside()->spooled()) bytes += other->aside()->bytes();
  }
  const BatchedCache& cache = budget_.cache();
  for (const SequenceId id : job.Sequences()) {
    for (const LayerSlots& layer : cache.Find(id).layers) bytes += layer.page_count() * cache.shape().page.page_bytes();
  }
  return bytes > options_.set_aside_memory_bytes;
}

}  // namespace dcp
