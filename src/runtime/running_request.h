// A request while it is answered: the sequences that it has in the session, and how they go on from the logits of a
// pass. Generate runs a batch of these; each sees nothing of the others.
#ifndef DCP_RUNTIME_RUNNING_REQUEST_H_
#define DCP_RUNTIME_RUNNING_REQUEST_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "dcp/generate.h"
#include "dcp/sampler.h"
#include "dcp/session.h"
#include "dcp/types.h"

namespace dcp {

// Where answers go: the result, and the callback.
class GenerationOutput {
 public:
  // `scratch`: of samplers that are not used at once; null: one of its own.
  GenerationOutput(Session& session, const Tokenizer* tokenizer, const TokenCallback& on_token,
                   std::shared_ptr<Sampler::Scratch> scratch = nullptr)
      : session_(session),
        tokenizer_(tokenizer),
        on_token_(on_token),
        scratch_(scratch != nullptr ? std::move(scratch) : std::make_shared<Sampler::Scratch>()) {}

  Session& session() const { return session_; }
  const Tokenizer* tokenizer() const { return tokenizer_; }
  const std::shared_ptr<Sampler::Scratch>& scratch() const { return scratch_; }
  GenerateResult& result() { return result_; }
  GeneratedSequence& sequence(size_t index) { return result_.sequences[index]; }

  // Makes room for the answers to a request; returns the index of the first.
  size_t AddSequences(const GenerateRequest& request, size_t index, std::span<const TokenId> prompt);

  // Tells the callback; `id` -1: an error. After it said no it is not called again.
  void Notify(const GeneratedToken& token);
  bool cancelled() const { return cancelled_; }
  void Cancel() { cancelled_ = true; }

  // Notes in `sequence` what the session holds of it now.
  void Describe(SequenceId id, GeneratedSequence& sequence) const;
  // Ends a sequence that cannot run, or not go on.
  void Fail(size_t index, const std::string& error);
  // Counts a finished sequence for the mean sparsity.
  void CountSparsity(double sparsity);
  double MeanSparsity() const;

 private:
  Session& session_;
  const Tokenizer* tokenizer_;
  const TokenCallback& on_token_;
  GenerateResult result_;
  std::shared_ptr<Sampler::Scratch> scratch_;
  bool cancelled_ = false;
  double sparsity_sum_ = 0.0;
  size_t sparsity_count_ = 0;
};

// What the next pass feeds. A request's rows are all in one of the two.
struct StepRows {
  std::vector<SequenceId> sequences;  // decoded:
  std::vector<TokenId> tokens;        // one token each
  std::vector<FeedItem> read;         // prefilled: continuations, and what a slide reads again
  // Rows of logits that `read` asks for; where there are so many, what wants several rows waits for a later pass.
  static constexpr size_t kManyRows = 256;
  size_t read_rows = 0;

  void Clear() {
    sequences.clear();
    tokens.clear();
    read.clear();
    read_rows = 0;
  }
};

// Tokens that the next AddRows is going to feed.
struct FeedNeed {
  SequenceId sequence = 0;
  bool fresh = false;  // to an empty sequence that is added for them and takes the place of that one
  size_t tokens = 0;
};

// A request in the batch: where it came from, and where its answers go.
struct RequestPlace {
  const GenerateRequest* request = nullptr;
  size_t index = 0;             // of the request
  size_t first = 0;             // its first sequence in the result
  std::vector<TokenId> prompt;  // prepared
};

// Owns its sequences of the session; those that are not released yet are finished with it.
class RunningRequest {
 public:
  virtual ~RunningRequest() = default;

  // Sequences that it has in the session, or will have after Begin.
  virtual size_t width() const = 0;

  // The prompt was read: `logits` [V] after it. Chooses the first tokens.
  virtual void Begin(std::span<const float> logits) = 0;

  // Adds the sequences that it has in the session, and what the next AddRows can feed them at most.
  virtual void AddSequences(std::vector<SequenceId>& sequences) const = 0;
  virtual void AddNeeds(std::vector<FeedNeed>& needs) const = 0;

  // Adds the rows that it needs next; none where it waits. They have to go through before anything else is asked of it.
  virtual void AddRows(StepRows& rows) = 0;

  // Chooses from the logits of these rows, `first` and following.
  virtual void Choose(const Logits& logits, size_t first) = 0;

  // Reports what was chosen, until the callback says no.
  virtual void Report() = 0;

  // Ends what is unfinished.
  virtual void Cancel() = 0;

  // Sequences that are finished and still in the session; Release takes them out.
  virtual bool HasFinished() const = 0;
  virtual void Release() = 0;

  // Nothing is left to do.
  virtual bool done() const = 0;
};

// Sequences of the session that a request needs.
size_t WidthOf(const GenerateOptions& options);

// Takes over `sequence`, which is to hold the prompt before Begin.
std::unique_ptr<RunningRequest> MakeRunningRequest(GenerationOutput& output, RequestPlace place, SequenceId sequence);
std::unique_ptr<RunningRequest> MakeSampleGroup(GenerationOutput& output, RequestPlace place, SequenceId sequence);
std::unique_ptr<RunningRequest> MakeScoreGroup(GenerationOutput& output, RequestPlace place, SequenceId sequence);
std::unique_ptr<RunningRequest> MakeBeamGroup(GenerationOutput& output, RequestPlace place, SequenceId sequence);

}  // namespace dcp

#endif  // DCP_RUNTIME_RUNNING_REQUEST_H_
