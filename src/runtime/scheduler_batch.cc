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

// What a request is told of an exception that ends it.
// Thrown once more and caught by its type, not cast: what a program throws that was compiled with -fno-rtti can be
// caught.
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

// ---- Admission ------------------------------------------------------------------------------------------------------

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
    return Fail(job, WhyOf(std::current_exception()));
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

// ---- A pass ---------------------------------------------------------------------------------------------------------

// Sequences that the pass, and what follows from it, adds at most.
size_t SchedulerBatch::MoreSequences() const {
  size_t more = 0;
  for (const Part& part : parts_) {
    const size_t now = part.job->Sequences().size();
    more += part.job->width() > now ? part.job->width() - now : 0;
  }
  return more;
}

// All that runs, and as much of the prompts as a step may read.
void SchedulerBatch::MakePass() {
  parts_.clear();
  needs_.clear();
  std::vector<ScheduledJob*> reading;
  for (const auto& job : admitted_) {
    if (job->is_aside() || job->done()) continue;
    if (job->reading()) {
      reading.push_back(job.get());
    } else {
      parts_.push_back({job.get()});
      job->running()->AddNeeds(needs_);
    }
  }
  std::sort(reading.begin(), reading.end(), [&](const auto* a, const auto* b) { return Before(*a, *b); });
  size_t tokens = 0;
  for (ScheduledJob* job : reading) {
    const size_t chunk =
        std::min(static_cast<size_t>(session_.options().prefill_chunk), job->prompt().size() - job->read());
    if (tokens > 0 && tokens + chunk > static_cast<size_t>(options_.prompt_tokens_per_step)) break;
    tokens += chunk;
    parts_.push_back({job, chunk});
    needs_.push_back({job->sequence(), false, chunk});
  }
}

// Sets jobs aside until the pass is sure to stay within the budget.
void SchedulerBatch::PlanPass() {
  bool compact = false;
  for (MakePass(); !parts_.empty() && !budget_.Fits(needs_, MoreSequences()); MakePass()) {
    if (shared_.DropOldest()) continue;
    ScheduledJob& last = *LastActive();
    if (ActiveCount() > 1) {
      SetAside(last);
    } else if (!std::exchange(compact, true)) {  // pages that lie scattered take more room than they need
      last.SetAside(budget_.cache(), false);
      last.BringBack();
    } else {
      Fail(last, "kv_budget: " + std::to_string(budget_.bytes()) + " bytes are too few for this request alone, which " +
                     "needs up to " + std::to_string(budget_.MostBytes(needs_, MoreSequences())));
    }
  }
}

void SchedulerBatch::RunPass() {
  try {
    Feed();
  } catch (...) {
    for (const Part& part : parts_) Fail(*part.job, WhyOf(std::current_exception()));
    return;
  }
  for (const Part& part : parts_) {
    if (part.chosen && !part.job->done()) Report(*part.job);
  }
  budget_.Observe();
}

void SchedulerBatch::Feed() {
  rows_.Clear();
  items_.clear();
  for (Part& part : parts_) {
    if (part.tokens > 0) continue;
    const size_t reads = rows_.read_rows, decodes = rows_.sequences.size();
    part.job->running()->AddRows(rows_);
    part.reads = rows_.read_rows > reads;
    part.chosen = part.reads || rows_.sequences.size() > decodes;
    part.first = part.reads ? reads : decodes;
  }
  for (size_t i = 0; i < rows_.sequences.size(); ++i) {
    items_.push_back({rows_.sequences[i], std::span(rows_.tokens).subspan(i, 1)});
  }
  items_.insert(items_.end(), rows_.read.begin(), rows_.read.end());
  size_t row = rows_.sequences.size() + rows_.read_rows;
  for (Part& part : parts_) {
    if (part.reads) part.first += rows_.sequences.size();
    if (part.tokens == 0) continue;
    const auto& prompt = part.job->prompt();
    const bool last = part.job->read() + part.tokens == prompt.size();
    const bool all = part.job->wants_prompt_rows();
    part.first = row;
    row += all ? part.tokens : last ? 1 : 0;
    items_.push_back({part.job->sequence(), std::span(prompt).subspan(part.job->read(), part.tokens),
                      all    ? LogitsMode::kAll
                      : last ? LogitsMode::kLast
                             : LogitsMode::kNone});
  }
  ChooseAll(session_.Prefill(items_));
}

void SchedulerBatch::ChooseAll(const Logits& logits) {
  for (Part& part : parts_) {
    try {
      if (part.tokens > 0) {
        FinishChunk(part, logits);
      } else if (part.chosen) {
        part.job->running()->Choose(logits, part.first);
      }
    } catch (...) {
      Fail(*part.job, WhyOf(std::current_exception()));
    }
  }
}

// A piece of a prompt was read.
void SchedulerBatch::FinishChunk(Part& part, const Logits& logits) {
  ScheduledJob& job = *part.job;
  size_t last = part.first;
  if (job.wants_prompt_rows()) {
    for (size_t t = 0; t < part.tokens; ++t) job.TakePromptRow(job.read() + t, logits.row(part.first + t));
    last += part.tokens - 1;
  }
  job.AddRead(part.tokens);
  stats_.prompt_tokens += static_cast<int64_t>(part.tokens);
  const bool whole = job.read() == job.prompt().size();
  const std::span<const float> row = whole ? logits.row(last) : std::span<const float>();
  if (shared_.Wants(job) && budget_.Fits(1 + MoreSequences(), 0)) shared_.Keep(job, row);
  if (!whole) return;
  job.Begin(row);
  part.chosen = true;
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
