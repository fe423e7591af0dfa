// A request of a Scheduler, from Submit until its result is given.
#ifndef DCP_RUNTIME_SCHEDULED_JOB_H_
#define DCP_RUNTIME_SCHEDULED_JOB_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cache/set_aside.h"
#include "dcp/scheduler.h"
#include "runtime/running_request.h"

namespace dcp {

using SchedulerClock = std::chrono::steady_clock;

// What all jobs of a scheduler have in common.
struct JobContext {
  Session& session;
  const Tokenizer* tokenizer;
  std::shared_ptr<Sampler::Scratch> scratch = std::make_shared<Sampler::Scratch>();
};

class ScheduledJob {
 public:
  // Throws what is wrong with the request. Called by any thread: looks at what of the session never changes.
  ScheduledJob(GenerateRequest request, ScheduleOptions options, const JobContext& context);
  ~ScheduledJob();
  ScheduledJob(const ScheduledJob&) = delete;
  ScheduledJob& operator=(const ScheduledJob&) = delete;

  // Gives it its name, once.
  void Name(RequestId id) { id_ = id; }
  RequestId id() const { return id_; }
  const GenerateRequest& request() const { return request_; }
  const ScheduleOptions& options() const { return options_; }
  const std::vector<TokenId>& prompt() const { return prompt_; }
  // The name of the policy that it brings; empty: it runs under the session's.
  const std::string& policy() const { return policy_; }
  // Of each beginning of the prompt that others may share, see SharedPrompts.
  const std::vector<uint64_t>& beginnings() const { return beginnings_; }

  double Age(SchedulerClock::time_point now) const { return std::chrono::duration<double>(now - submitted_).count(); }
  bool overdue(SchedulerClock::time_point now) const {
    return options_.deadline_seconds > 0.0 && Age(now) >= options_.deadline_seconds;
  }

  // Sequences that it has in the cache, or will have once its prompt is read.
  size_t width() const;
  bool reading() const { return admitted_ && running_ == nullptr; }
  bool admitted() const { return admitted_; }
  bool is_aside() const { return aside_ != nullptr; }
  bool cancelled() const { return output_.cancelled(); }
  bool done() const { return done_; }
  // Its result was given.
  bool told() const { return was_told_; }
  void SetTold() { was_told_ = true; }
  RunningRequest* running() { return running_.get(); }
  const RunningRequest* running() const { return running_.get(); }

  // Begins to read the prompt: `read` tokens of it are in `sequence`, which the job owns from now on.
  void Admit(SequenceId sequence, size_t read, bool shared);
  size_t read() const { return read_; }
  SequenceId sequence() const { return sequence_; }
  void AddRead(size_t tokens) { read_ += tokens; }
  // Whether it wants logits [V] after every token of its prompt, and takes those after token `position`.
  bool wants_prompt_rows() const { return options_.prompt_logprobs.has_value(); }
  void TakePromptRow(size_t position, std::span<const float> logits);
  // The prompt was read: `logits` [V] after it. Throws what RunningRequest does.
  void Begin(std::span<const float> logits);

  // What it has in the cache.
  std::vector<SequenceId> Sequences() const;
  // To the file, where one is given: throws what SetAsideSequences throws.
  void SetAside(BatchedCache& cache, bool counted, SpoolFile* spool = nullptr);
  void BringBack();
  const SetAsideSequences* aside() const { return aside_.get(); }

  // Ends it, in whatever state it is; what it has in the cache goes back. Not empty: that is its error.
  void End(const std::string& error);
  // Takes finished sequences out of the cache; it may be done then.
  void Release();

  ScheduledResult TakeResult();
  size_t generated() const { return generated_; }

  // Where times go.
  LatencyHistogram* time_to_first_token = nullptr;
  LatencyHistogram* between_tokens = nullptr;

 private:
  void CheckPromptLogprobs() const;
  bool Tell(const GeneratedToken& token);
  void MarkUnfinished(const std::string& error);

  RequestId id_ = -1;
  GenerateRequest request_;
  ScheduleOptions options_;
  std::string policy_;  // asked for by every step while it waits
  Session& session_;
  std::vector<TokenId> prompt_;
  std::vector<uint64_t> beginnings_;
  SchedulerClock::time_point submitted_ = SchedulerClock::now();
  TokenCallback tell_;
  GenerationOutput output_;
  bool admitted_ = false;
  bool done_ = false;
  bool was_told_ = false;
  SequenceId sequence_ = 0;  // while the prompt is read
  size_t read_ = 0;
  size_t shared_ = 0;
  size_t generated_ = 0;
  int times_aside_ = 0;
  RequestTiming timing_;
  std::vector<GeneratedLogprobs> prompt_logprobs_;
  std::vector<double> told_;  // by sequence: age at its last token
  std::unique_ptr<SetAsideSequences> aside_;
  std::unique_ptr<RunningRequest> running_;  // once the prompt is read
};

}  // namespace dcp

#endif  // DCP_RUNTIME_SCHEDULED_JOB_H_
