#include "runtime/scheduled_job.h"

#include <algorithm>
#include <utility>

#include "dcp/error.h"
#include "runtime/log_softmax.h"
#include "runtime/request.h"
#include "runtime/shared_prompts.h"

namespace dcp {

ScheduledJob::ScheduledJob(GenerateRequest request, ScheduleOptions options, const JobContext& context)
    : request_(std::move(request)),
      options_(std::move(options)),
      policy_(request_.policy != nullptr ? request_.policy->name() : ""),
      session_(context.session),
      tell_([this](const GeneratedToken& token) { return Tell(token); }),
      output_(context.session, context.tokenizer, tell_, context.scratch) {
  if (!request_.error.empty()) throw Error(ErrorCode::kInvalidArgument, request_.error);
  CheckRequest(request_, session_, context.tokenizer);
  prompt_ = PreparePrompt(request_, session_.model().config());
  output_.AddSequences(request_, 0, prompt_);
  CheckPromptLogprobs();
  if (request_.start == nullptr && !wants_prompt_rows()) {
    beginnings_ = BeginningsOf(prompt_, static_cast<size_t>(session_.options().prefill_chunk), policy());
  }
  told_.assign(output_.result().sequences.size(), -1.0);
}

void ScheduledJob::CheckPromptLogprobs() const {
  if (!options_.prompt_logprobs) return;
  const int vocab = session_.model().config().vocab_size;
  const std::string name = "prompt_logprobs: ";
  if (*options_.prompt_logprobs < 0 || *options_.prompt_logprobs > vocab) {
    throw Error(ErrorCode::kInvalidArgument,
                name + std::to_string(*options_.prompt_logprobs) + " is not in 0.." + std::to_string(vocab));
  }
  if (request_.start != nullptr) throw Error(ErrorCode::kInvalidArgument, name + "the prompt was read before");
}

ScheduledJob::~ScheduledJob() {
  if (aside_ != nullptr) aside_->BringBackToRemove();
  if (reading() && !done_) session_.Finish(sequence_);
}

size_t ScheduledJob::width() const {
  if (running_ != nullptr) return running_->width();
  const GenerateOptions& options = request_.options;
  return options.continuations.empty() ? WidthOf(options) : 1 + options.continuations.size();
}

void ScheduledJob::Admit(SequenceId sequence, size_t read, bool shared) {
  admitted_ = true;
  sequence_ = sequence;
  read_ = read;
  shared_ = shared ? read : 0;
  timing_.admitted = Age(SchedulerClock::now());
}

void ScheduledJob::Begin(std::span<const float> logits) {
  if (wants_prompt_rows() && options_.on_prompt) {
    try {
      options_.on_prompt(prompt_logprobs_);
    } catch (...) {
      output_.Cancel();
    }
  }
  running_ = MakeRunningRequest(output_, {&request_, 0, 0, prompt_}, sequence_);
  running_->Begin(logits);
}

void ScheduledJob::TakePromptRow(size_t position, std::span<const float> logits) {
  if (position + 1 >= prompt_.size()) return;
  prompt_logprobs_.push_back(LogprobsOf(logits, prompt_[position + 1], *options_.prompt_logprobs));
}

std::vector<SequenceId> ScheduledJob::Sequences() const {
  std::vector<SequenceId> sequences;
  if (running_ != nullptr) {
    running_->AddSequences(sequences);
  } else if (admitted_ && !done_) {
    sequences.push_back(sequence_);
  }
  return sequences;
}

void ScheduledJob::SetAside(BatchedCache& cache, bool counted, SpoolFile* spool) {
  aside_ = std::make_unique<SetAsideSequences>(cache, Sequences(), spool);
  if (counted) ++times_aside_;
}

void ScheduledJob::BringBack() {
  aside_->BringBack();
  aside_.reset();
}

bool ScheduledJob::Tell(const GeneratedToken& token) {
  const double age = Age(SchedulerClock::now());
  if (token.id >= 0) {
    ++generated_;
    double& last = told_[token.sequence];
    if (timing_.first_token < 0.0) {
      timing_.first_token = age;
      if (time_to_first_token != nullptr) time_to_first_token->Add(age);
    }
    if (last >= 0.0 && between_tokens != nullptr) between_tokens->Add(age - last);
    last = age;
  }
  if (!options_.on_token) return true;
  try {
    return options_.on_token(token);
  } catch (...) {
    return false;
  }
}

void ScheduledJob::MarkUnfinished(const std::string& error) {
  for (GeneratedSequence& sequence : output_.result().sequences) {
    if (running_ != nullptr && sequence.finish_reason != FinishReason::kCancelled) continue;
    sequence.finish_reason = error.empty() ? FinishReason::kCancelled : FinishReason::kError;
    sequence.error = error;
  }
}

void ScheduledJob::End(const std::string& error) {
  if (aside_ != nullptr) {
    aside_->BringBackToRemove();
    aside_.reset();
  }
  if (running_ != nullptr) {
    running_->Cancel();
    running_->Release();
  } else if (admitted_) {
    for (GeneratedSequence& sequence : output_.result().sequences) output_.Describe(sequence_, sequence);
    session_.Finish(sequence_);
  }
  MarkUnfinished(error);
  done_ = true;
}

void ScheduledJob::Release() {
  if (running_->HasFinished()) running_->Release();
  done_ = running_->done();
}

ScheduledResult ScheduledJob::TakeResult() {
  timing_.done = Age(SchedulerClock::now());
  return {id_,
          std::move(output_.result().sequences),
          timing_,
          prompt_.size(),
          shared_,
          times_aside_,
          std::move(prompt_logprobs_)};
}

}  // namespace dcp
