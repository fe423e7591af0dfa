// The continuations of a request that scores them: clones of the prompt, each fed all but its last id.
#include <algorithm>
#include <utility>

#include "runtime/log_softmax.h"
#include "runtime/request.h"
#include "runtime/running_request.h"

namespace dcp {
namespace {

// Tokens of a continuation that go in one pass; each has a row of logits. Where the cuts are depends on nothing else.
constexpr size_t kChunk = 32;

class ScoreGroup final : public RunningRequest {
 public:
  ScoreGroup(GenerationOutput& output, RequestPlace place, SequenceId sequence)
      : output_(output),
        session_(output.session()),
        options_(place.request->options),
        index_(place.first),
        prompt_(sequence),
        scores_(options_.continuations.size()) {}

  ~ScoreGroup() override { Release(); }

  size_t width() const override { return 1 + rows_.size(); }

  void Begin(std::span<const float> logits) override {
    if (options_.keep_prompt_logits) output_.sequence(index_).prompt_logits.assign(logits.begin(), logits.end());
    for (size_t i = 0; i < scores_.size(); ++i) {
      const std::span<const TokenId> ids = options_.continuations[i];
      AddToken(logits, ids[0], scores_[i]);
      if (ids.size() == 1) continue;
      rows_.reserve(rows_.size() + 1);
      rows_.push_back({i, session_.Clone(prompt_), 0, 0});
    }
  }

  void AddSequences(std::vector<SequenceId>& sequences) const override {
    if (released_) return;
    sequences.push_back(prompt_);
    for (const Row& row : rows_) sequences.push_back(row.id);
  }

  void AddNeeds(std::vector<FeedNeed>& needs) const override {
    for (const Row& row : rows_) {
      needs.push_back(
          {row.id, false, std::min(kChunk, options_.continuations[row.continuation].size() - 1 - row.read)});
    }
  }

  void AddRows(StepRows& rows) override {
    for (Row& row : rows_) {
      const std::span<const TokenId> ids = options_.continuations[row.continuation];
      row.reading = 0;
      if (rows.read_rows >= StepRows::kManyRows) continue;
      row.reading = std::min(kChunk, ids.size() - 1 - row.read);
      rows.read.push_back({row.id, ids.subspan(row.read, row.reading), LogitsMode::kAll});
      rows.read_rows += row.reading;
    }
  }

  void Choose(const Logits& logits, size_t first) override {
    for (Row& row : rows_) {
      const std::span<const TokenId> ids = options_.continuations[row.continuation];
      for (size_t t = 0; t < row.reading; ++t) {
        AddToken(logits.row(first++), ids[++row.read], scores_[row.continuation]);
      }
    }
    for (const Row& row : rows_) {
      if (IsRead(row)) session_.Finish(row.id);
    }
    std::erase_if(rows_, [&](const Row& row) { return IsRead(row); });
  }

  void Report() override {
    if (rows_.empty() && !finished_) Close(FinishReason::kLength);
  }

  void Cancel() override {
    if (!finished_) Close(FinishReason::kCancelled);
  }

  bool HasFinished() const override { return finished_ && !released_; }

  void Release() override {
    if (std::exchange(released_, true)) return;
    session_.Finish(prompt_);
    for (const Row& row : rows_) session_.Finish(row.id);
    rows_.clear();
  }

  bool done() const override { return released_; }

 private:
  struct Row {
    size_t continuation = 0;
    SequenceId id = 0;
    size_t read = 0;     // ids that were fed
    size_t reading = 0;  // ids in the pass under way
  };

  bool IsRead(const Row& row) const { return row.read + 1 == options_.continuations[row.continuation].size(); }

  static void AddToken(std::span<const float> logits, TokenId id, ContinuationScore& score) {
    const double logprob = logits[id] - LogSumExp(logits);
    score.logprobs.push_back(static_cast<float>(logprob));
    score.logprob += logprob;
    score.greedy = score.greedy && std::max_element(logits.begin(), logits.end()) - logits.begin() == id;
  }

  void Close(FinishReason reason) {
    GeneratedSequence& sequence = output_.sequence(index_);
    finished_ = true;
    sequence.finish_reason = reason;
    if (reason == FinishReason::kLength) sequence.scores = std::move(scores_);
    output_.Describe(prompt_, sequence);
    output_.CountSparsity(session_.cache().Sparsity(prompt_));
    output_.Notify({.sequence = index_, .id = -1, .text = {}, .last = true});
  }

  GenerationOutput& output_;
  Session& session_;
  const GenerateOptions& options_;
  size_t index_;       // in the result
  SequenceId prompt_;  // stays as it is
  std::vector<ContinuationScore> scores_;
  std::vector<Row> rows_;  // those that are not read to their end
  bool finished_ = false;
  bool released_ = false;
};

}  // namespace

std::unique_ptr<RunningRequest> MakeScoreGroup(GenerationOutput& output, RequestPlace place, SequenceId sequence) {
  return std::make_unique<ScoreGroup>(output, std::move(place), sequence);
}

}  // namespace dcp
