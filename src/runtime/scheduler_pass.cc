// What runs together in one pass: decode rows and pieces of prompts, within the budget.
#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "runtime/scheduler_batch.h"

namespace dcp {

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
    for (const Part& part : parts_) Fail(*part.job, std::current_exception());
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
      Fail(*part.job, std::current_exception());
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

}  // namespace dcp
