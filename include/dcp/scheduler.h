// Many requests under a budget of memory: continuous batching. Requests come and go at any time; each step decodes what
// runs and reads a bounded piece of the prompts that are new, and what pruning leaves free admits the next ones.
//
//   dcp::Scheduler scheduler(session, &tokenizer, {.kv_budget_bytes = 256 << 20});
//   scheduler.Submit(request, {.on_done = [](dcp::ScheduledResult result) { .. }});     // from any thread
//   while (scheduler.Step()) {}                                                         // on one
//
// Exactness: the tokens of a request are those of the same request run alone by Generate, bit for bit, whatever else
// runs, arrives, is cancelled or is set aside meanwhile.
#ifndef DCP_SCHEDULER_H_
#define DCP_SCHEDULER_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dcp/export.h"
#include "dcp/generate.h"
#include "dcp/session.h"
#include "dcp/tokenizer.h"
#include "dcp/types.h"

namespace dcp {

// Names a request of a Scheduler. Never reused within it.
using RequestId = int64_t;

// What bounds a scheduler. The defaults serve a small model.
struct SchedulerOptions {
  // Bytes that the session's cache may hold, as CacheStats::reserved_bytes counts them; never passed, not even within a
  // pass. 0: no limit. When it is reached, the last of the running requests is set aside - its cache is copied to
  // ordinary memory or a file, outside of the budget - and goes on later as if nothing had happened.
  size_t kv_budget_bytes = 0;
  // Sequences (samples, beams) in the cache together; a single request always runs. 0: any number.
  int max_running = 64;
  // Requests that wait for their turn; one more is refused. 0: any number.
  int max_waiting = 0;
  // Prompt tokens that a step reads beside what it decodes: what bounds the time between two tokens of those that run.
  // Prompts go in whole chunks (SessionOptions::prefill_chunk), at least one a step. >= 1.
  int prompt_tokens_per_step = 256;
  // Beginnings of prompts, in whole chunks, and whole prompts, that are kept for others that begin alike. Their pages
  // are shared until somebody changes them; when memory is short they go first. 0: none.
  int max_shared_prompts = 16;
  // A request that was submitted so many seconds ago counts as of a priority one higher, so that none waits for ever.
  // 0: never.
  double aging_seconds = 30.0;
  // A directory on whose disk a file without a name, of which nothing is left however the process ends, takes what
  // requests hold that are set aside, once those in memory would hold more than `set_aside_memory_bytes`. Where it
  // cannot - the disk is full - they stay in memory, see SchedulerStats::spool_failures; a request whose content the
  // disk does not give back ends with FinishReason::kError. Empty: no file.
  std::string spool_directory = {};
  size_t set_aside_memory_bytes = 0;  // with a spool_directory only
};

// How long things took, in seconds from Submit; < 0: it did not come to that.
struct RequestTiming {
  double admitted = -1.0;     // its prompt began to be read
  double first_token = -1.0;  // the first token was chosen
  double done = -1.0;         // it ended, whatever the reason
};

// What ScheduleOptions::on_done is given.
struct ScheduledResult {
  RequestId id = 0;                          // as Submit gave it
  std::vector<GeneratedSequence> sequences;  // as Generate gives them; `request` is 0
  RequestTiming timing;                      // how long it took
  size_t prompt_tokens = 0;                  // of the prompt as fed
  size_t shared_prompt_tokens = 0;           // of them, those that were read before, for another request
  int set_aside = 0;                         // how often it was
  // Of each token of the prompt but the first, given those before it; empty unless asked for.
  std::vector<GeneratedLogprobs> prompt_logprobs;
};

// How one request is to be treated.
struct ScheduleOptions {
  int priority = 0;  // higher ones go first, and may set lower ones aside; among equals the first to come
  // Seconds from Submit after which it ends with FinishReason::kError, what it has made so far given; 0: none.
  double deadline_seconds = 0.0;
  // Give ScheduledResult::prompt_logprobs, with so many of the most likely alternatives; 0 .. V. The whole prompt is
  // read then: it shares no beginning, and has no `start`.
  std::optional<int> prompt_logprobs = {};
  // All are called by Step, on its thread, and may call Submit and Cancel, nothing else of the Scheduler. Return false
  // from on_token to cancel the request; what any of them throws does so, too, and goes no further. Each may be empty.
  // GeneratedToken::sequence counts the sequences of the request.
  TokenCallback on_token = {};
  // Where there are prompt_logprobs: called with them once the prompt was read, before on_token; by Step, too.
  std::function<void(std::span<const GeneratedLogprobs>)> on_prompt = {};
  std::function<void(ScheduledResult)> on_done = {};  // once for each request that was taken, but for those that the
                                                      // destructor finds
};

// How many values lie at or below each bound, as Prometheus counts them.
struct LatencyHistogram {
  static constexpr std::array<double, 16> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,  0.25,
                                                     0.5,   1.0,    2.5,   5.0,  10.0,  30.0, 60.0, 300.0};  // seconds
  std::array<int64_t, 16> counts = {};  // of each bound, not summed up
  int64_t count = 0;                    // of all values, those above the last bound included
  double sum = 0.0;                     // of all values, in seconds

  // Counts one value.
  DCP_EXPORT void Add(double seconds);
};

// What a scheduler is doing, and what it has done.
struct SchedulerStats {
  // As it stands.
  int waiting = 0;                    // requests
  int running = 0;                    // requests that are read or decoded
  int set_aside = 0;                  // requests
  int sequences = 0;                  // in the cache, of running requests
  CacheStats cache;                   // what else is in the session included
  size_t kv_budget_bytes = 0;         // as in SchedulerOptions
  size_t kv_reserved_peak_bytes = 0;  // the most that was ever held, passes included
  size_t set_aside_bytes = 0;         // held in ordinary memory
  size_t spooled_bytes = 0;           // held in the file

  // Since the beginning.
  int64_t steps = 0;
  int64_t submitted = 0;                 // requests that were taken
  int64_t refused = 0;                   // the queue was full
  int64_t finished = 0;                  // requests that ended as they should
  int64_t cancelled = 0;                 // requests that were cancelled
  int64_t failed = 0;                    // requests that ended with an error
  int64_t prompt_tokens = 0;             // read
  int64_t shared_prompt_tokens = 0;      // not read, because they had been
  int64_t shared_prompt_hits = 0;        // requests with such
  int64_t generated_tokens = 0;          // of all sequences
  int64_t times_set_aside = 0;           // requests that gave up their room for others, each time
  int64_t spool_failures = 0;            // times that the file could not take what it should have,
  std::string spool_error;               // and why the last time
  int64_t kept_slots_done = 0;           // of finished requests, over layers: what was kept at their end,
  int64_t seen_slots_done = 0;           // and what a dense cache would have
  double busy_seconds = 0.0;             // in Step
  double sequence_seconds = 0.0;         // sequences in the cache, summed over that time
  LatencyHistogram time_to_first_token;  // from Submit
  LatencyHistogram between_tokens;       // of a sequence
  LatencyHistogram step;                 // one call of Step
};

// Submit, Cancel, Stats and WaitForWork may be called from any thread, at any time; Step by one thread at a time,
// during which nobody else may use the session. The session, the tokenizer and the prompts' `start` must outlive it.
class DCP_EXPORT Scheduler {
 public:
  // `tokenizer` may be null: then no text, and stop texts are an error. Sequences that are in the session are left
  // alone; what they hold counts for the budget. Throws Error(kInvalidArgument) for options out of range, or a budget
  // that cannot hold a single sequence of one page a layer; Error(kIo) where no file can be made in spool_directory.
  Scheduler(Session& session, const Tokenizer* tokenizer, const SchedulerOptions& options = {});
  // Takes its sequences out of the session; nobody is told. REQUIRES: no call is under way.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Takes a request. Nothing when max_waiting requests wait already. Throws what is wrong with it, Error(kContextFull)
  // for a prompt that is too long, Error(kInvalidArgument) for the rest; it is not taken then. The same text twice
  // gives two requests.
  std::optional<RequestId> Submit(GenerateRequest request, ScheduleOptions options = {});

  // Ends a request with FinishReason::kCancelled at the beginning of the next step, where its memory goes back. One
  // that is done already, or never was, is passed over.
  void Cancel(RequestId id);
  // The same for every request that was taken by now.
  void CancelAll();

  // One pass over everything that runs. Returns whether anything is left to do. What a pass throws - memory that the
  // system refuses, a policy that breaks its contract, whatever a policy or a logits processor throws - ends the
  // requests of the pass with FinishReason::kError, and nothing else; so does memory that one request needs beyond the
  // budget, were it alone. Memory that is refused outside of a pass ends all that were admitted in the same way;
  // std::bad_alloc comes out only where it is refused again meanwhile.
  bool Step();

  // Waits until there is something for Step to do, at most so long. Returns whether there is.
  bool WaitForWork(std::chrono::milliseconds most);

  // As of the end of the last step, but for `waiting`, `submitted` and `refused`, which are of now.
  SchedulerStats Stats() const;

 private:
  struct DCP_HIDDEN Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dcp

#endif  // DCP_SCHEDULER_H_
