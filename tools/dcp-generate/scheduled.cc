#include "dcp-generate/scheduled.h"

#include <algorithm>
#include <exception>
#include <numeric>
#include <utility>

#include "common/schedule_options.h"
#include "dcp/error.h"

namespace dcp::tools {
namespace {

// Requests that are handed over before their turn, so that equal beginnings find each other.
constexpr int kAhead = 256;

size_t SamplesOf(const ToolRequest& request) {
  return static_cast<size_t>(std::max(1, request.request.options.samples));
}

// The answer to a request that cannot run.
std::vector<GeneratedSequence> Refused(const ToolRequest& request, const std::string& error) {
  std::vector<GeneratedSequence> sequences(SamplesOf(request));
  for (size_t s = 0; s < sequences.size(); ++s) {
    sequences[s].sample = static_cast<int>(s);
    sequences[s].prompt_ids = request.request.prompt;
    sequences[s].finish_reason = FinishReason::kError;
    sequences[s].error = error;
  }
  return sequences;
}

}  // namespace

SchedulerOptions MakeSchedulerOptions(const GenerateToolOptions& options) {
  SchedulerOptions scheduler;
  scheduler.kv_budget_bytes = options.kv_budget;
  scheduler.max_running = options.max_batch > 0 ? options.max_batch : kScheduledBatch;
  scheduler.aging_seconds = 0;  // all are alike
  SetSpool(options.spool, scheduler);
  return scheduler;
}

SchedulerStats RunScheduled(const SchedulerOptions& options, Session& session, const std::vector<ToolRequest>& requests,
                            std::span<const size_t> which, const Tokenizer* tokenizer,
                            const ScheduledCallbacks& callbacks, ToolIo& io) {
  Scheduler scheduler(session, tokenizer, options);
  std::exception_ptr failure;  // a scheduler lets nothing through
  const auto guarded = [&](const auto& call) {
    try {
      if (!failure) call();
    } catch (...) {
      failure = std::current_exception();
    }
  };
  const auto submit = [&](size_t index) {
    ScheduleOptions how;
    if (callbacks.on_token) {
      how.on_token = [&, index](const GeneratedToken& token) {
        guarded([&] { callbacks.on_token(index, token); });
        return !io.interrupted;
      };
    }
    how.on_done = [&, index](ScheduledResult result) {
      guarded([&] { callbacks.on_done(index, std::move(result.sequences)); });
    };
    try {
      scheduler.Submit(requests[index].request, std::move(how));
    } catch (const Error& error) {
      callbacks.on_done(index, Refused(requests[index], error.what()));
    }
  };
  size_t next = 0;
  bool more = true;
  while (!io.interrupted && !failure && (more || next < which.size())) {
    for (int waiting = scheduler.Stats().waiting; next < which.size() && waiting < kAhead; ++waiting) {
      submit(which[next++]);
    }
    more = scheduler.Step();
    if (callbacks.on_step) guarded(callbacks.on_step);
  }
  if (failure) std::rethrow_exception(failure);
  WarnOfSpool(scheduler.Stats(), io);
  return scheduler.Stats();
}

GenerateResult GenerateScheduled(const SchedulerOptions& options, Session& session,
                                 const std::vector<ToolRequest>& requests, const Tokenizer* tokenizer,
                                 const TokenCallback& on_token, ToolIo& io) {
  GenerateResult result;
  std::vector<size_t> which(requests.size()), first(requests.size());
  std::iota(which.begin(), which.end(), size_t{0});
  for (size_t i = 0; i < requests.size(); ++i) {
    first[i] = result.sequences.size();
    for (GeneratedSequence& sequence : Refused(requests[i], "")) {
      sequence.request = i;
      sequence.finish_reason = FinishReason::kCancelled;  // where it does not come to more
      result.sequences.push_back(std::move(sequence));
    }
  }
  ScheduledCallbacks callbacks;
  callbacks.on_token = [&](size_t request, GeneratedToken token) {
    token.sequence += first[request];
    on_token(token);
  };
  callbacks.on_done = [&](size_t request, std::vector<GeneratedSequence> sequences) {
    for (size_t s = 0; s < sequences.size(); ++s) {
      sequences[s].request = request;
      result.sequences[first[request] + s] = std::move(sequences[s]);
    }
  };
  const SchedulerStats stats = RunScheduled(options, session, requests, which, tokenizer, callbacks, io);
  result.stats.prefill_tokens = stats.prompt_tokens;
  result.stats.decode_tokens = stats.generated_tokens;
  result.stats.decode_seconds = stats.busy_seconds;
  result.stats.cache = stats.cache;
  result.stats.cache.reserved_bytes = stats.kv_reserved_peak_bytes;
  if (stats.seen_slots_done > 0) {
    result.stats.sparsity =
        1.0 - static_cast<double>(stats.kept_slots_done) / static_cast<double>(stats.seen_slots_done);
  }
  return result;
}

}  // namespace dcp::tools
