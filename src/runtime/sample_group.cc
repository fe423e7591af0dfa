// The samples of one request: sequences that share the prompt's pages until they part, each with draws of its own.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "cache/batched_cache.h"
#include "dcp/error.h"
#include "runtime/log_softmax.h"
#include "runtime/request.h"
#include "runtime/running_request.h"
#include "runtime/text_stream.h"

namespace dcp {
namespace {

constexpr uint64_t kStreamsPerSample = uint64_t{1} << 32;

struct Sample {
  size_t index = 0;  // in the result
  SequenceId id = 0;
  uint64_t stream = 0;
  std::vector<TokenId> ids;  // prompt and generated
  std::optional<TextStream> text;
  TokenId chosen = 0;          // not reported yet
  GeneratedLogprobs logprobs;  // of it
  std::string error;           // why nothing could be chosen
  std::vector<size_t> told;    // by layer: drops that were reported
  bool finished = false;
};

class SampleGroup final : public RunningRequest {
 public:
  SampleGroup(GenerationOutput& output, RequestPlace place, SequenceId sequence)
      : output_(output),
        session_(output.session()),
        options_(place.request->options),
        policy_(place.request->policy),
        ends_(EndsOf(options_, session_.model().config())),
        sampler_(SamplingOf(options_, session_.model().config()), output.scratch()) {
    samples_.reserve(ResultCount(options_));
    for (size_t s = 0; s < ResultCount(options_); ++s) {
      Sample& sample = samples_.emplace_back();
      sample.index = place.first + s;
      sample.id = sequence;
      sample.stream = place.request->stream + s * kStreamsPerSample;
      // Room for what a context can hold, so that a step has nothing to make room for.
      const auto most = static_cast<size_t>(std::min(options_.max_new_tokens, session_.model().config().n_positions));
      sample.ids.reserve(place.prompt.size() + most);
      sample.ids = place.prompt;
      output.sequence(sample.index).generated_ids.reserve(most);
      if (output.tokenizer() != nullptr) sample.text.emplace(*output.tokenizer(), options_.stop);
    }
    prompt_tokens_ = place.prompt.size();
    owned_ = 1;
  }

  ~SampleGroup() override {
    for (size_t s = 0; s < owned_; ++s) session_.Finish(samples_[s].id);
  }

  void Begin(std::span<const float> logits) override {
    for (; owned_ < samples_.size(); ++owned_) samples_[owned_].id = session_.Clone(samples_[0].id);
    for (Sample& sample : samples_) {
      if (options_.keep_prompt_logits)
        output_.sequence(sample.index).prompt_logits.assign(logits.begin(), logits.end());
      ChooseFor(sample, logits);
    }
  }

  size_t width() const override { return samples_.size(); }

  void AddSequences(std::vector<SequenceId>& sequences) const override {
    for (size_t s = 0; s < owned_; ++s) sequences.push_back(samples_[s].id);
  }

  void AddNeeds(std::vector<FeedNeed>& needs) const override {
    for (const Sample& sample : samples_) {
      if (sample.finished) continue;
      const bool full = session_.Remaining(sample.id) == 0;
      needs.push_back({sample.id, full, full ? SlideTokens() : 1});
    }
  }

  void AddRows(StepRows& rows) override {
    for (Sample& sample : samples_) {
      if (session_.Remaining(sample.id) > 0) {
        rows.sequences.push_back(sample.id);
        rows.tokens.push_back(sample.ids.back());
      } else {
        rows.read.push_back(Slide(sample));
        ++rows.read_rows;
      }
    }
  }

  void Choose(const Logits& logits, size_t first) override {
    for (size_t s = 0; s < samples_.size(); ++s) ChooseFor(samples_[s], logits.row(first + s));
  }

  void Report() override {
    for (Sample& sample : samples_) {
      if (output_.cancelled()) return;
      Accept(sample);
    }
  }

  void Cancel() override {
    for (Sample& sample : samples_) {
      if (!sample.finished) Close(sample, FinishReason::kCancelled);
    }
  }

  bool HasFinished() const override { return std::any_of(samples_.begin(), samples_.end(), Finished); }

  void Release() override {
    size_t left = 0;
    for (size_t s = 0; s < owned_; ++s) {
      if (!samples_[s].finished) {
        ++left;
      } else {
        session_.Finish(samples_[s].id);
      }
    }
    std::erase_if(samples_, Finished);
    owned_ = left;
  }

  bool done() const override { return samples_.empty(); }

 private:
  static bool Finished(const Sample& sample) { return sample.finished; }

  void ChooseFor(Sample& sample, std::span<const float> logits) {
    try {
      sample.chosen = sampler_.Sample(logits, {sample.ids, prompt_tokens_, options_.sampling.seed, sample.stream});
      if (options_.logprobs) sample.logprobs = LogprobsOf(logits, sample.chosen, *options_.logprobs);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInvalidArgument) throw;
      sample.error = error.what();
    }
  }

  // Puts an empty sequence in the place of a full one; what it is to read.
  FeedItem Slide(Sample& sample) {
    const SequenceId fresh = session_.Add(policy_);
    session_.Finish(std::exchange(sample.id, fresh));
    ++output_.sequence(sample.index).slides;
    return {sample.id, std::span<const TokenId>(sample.ids).last(SlideTokens())};
  }

  size_t SlideTokens() const { return static_cast<size_t>(std::max(1, session_.model().config().n_positions / 2)); }

  // What the session's record has more than when this was asked last; by layer, then by position.
  void FindDrops(Sample& sample) {
    drops_.clear();
    if (!options_.report_drops) return;
    const auto& cache = static_cast<const BatchedCache&>(session_.cache());
    sample.told.resize(static_cast<size_t>(cache.layers()), 0);
    for (int layer = 0; layer < cache.layers(); ++layer) {
      size_t& told = sample.told[static_cast<size_t>(layer)];
      const std::span<const int32_t> order = cache.DropOrder(layer, sample.id);
      const auto first = static_cast<std::ptrdiff_t>(drops_.size());
      for (; told < order.size(); ++told) drops_.push_back({layer, order[told]});
      std::sort(drops_.begin() + first, drops_.end(),
                [](const LayerDrop& a, const LayerDrop& b) { return a.position < b.position; });
    }
  }

  void Accept(Sample& sample) {
    GeneratedSequence& sequence = output_.sequence(sample.index);
    shown_.clear();
    if (!sample.error.empty()) {
      Close(sample, FinishReason::kError);
      sequence.error = sample.error;
      return output_.Notify({.sequence = sample.index, .id = -1, .text = shown_, .last = true});
    }
    sample.ids.push_back(sample.chosen);
    sequence.generated_ids.push_back(sample.chosen);
    if (options_.logprobs) sequence.logprobs.push_back(std::move(sample.logprobs));
    const bool eos = std::find(ends_.begin(), ends_.end(), sample.chosen) != ends_.end();
    // Ids beyond the tokenizer's, where the embedding was padded to a round size, have no text.
    if (sample.text && !eos && sample.chosen < output_.tokenizer()->vocab_size()) {
      shown_ = sample.text->Push(sample.chosen);
    }
    FindDrops(sample);
    const std::optional<FinishReason> reason = WhyFinished(sample, eos);
    if (reason) Close(sample, *reason);
    const GeneratedLogprobs* const logprobs = options_.logprobs ? &sequence.logprobs.back() : nullptr;
    output_.Notify({sample.index, sample.chosen, shown_, sample.finished, logprobs, drops_});
  }

  std::optional<FinishReason> WhyFinished(const Sample& sample, bool eos) const {
    if (eos) return FinishReason::kEos;
    if (sample.text && sample.text->stopped()) return FinishReason::kStop;
    if (sample.ids.size() - prompt_tokens_ >= static_cast<size_t>(options_.max_new_tokens))
      return FinishReason::kLength;
    if (options_.overflow == Overflow::kStop && session_.Remaining(sample.id) == 0) return FinishReason::kContext;
    return std::nullopt;
  }

  // Takes down what the result says about a sequence; its memory goes back in Release.
  void Close(Sample& sample, FinishReason reason) {
    GeneratedSequence& sequence = output_.sequence(sample.index);
    sample.finished = true;
    sequence.finish_reason = reason;
    if (sample.text) {
      shown_ += sample.text->Finish();
      sequence.text = sample.text->text();
    }
    output_.Describe(sample.id, sequence);
    output_.CountSparsity(session_.cache().Sparsity(sample.id));
  }

  GenerationOutput& output_;
  Session& session_;
  const GenerateOptions& options_;
  std::shared_ptr<const EvictionPolicy> policy_;  // of a sequence that slides
  std::vector<TokenId> ends_;
  Sampler sampler_;
  std::vector<Sample> samples_;  // unfinished, or finished and not released
  size_t owned_ = 0;             // the first of them have sequences of their own
  size_t prompt_tokens_ = 0;
  std::string shown_;             // text of the token being reported
  std::vector<LayerDrop> drops_;  // with it
};

}  // namespace

std::unique_ptr<RunningRequest> MakeSampleGroup(GenerationOutput& output, RequestPlace place, SequenceId sequence) {
  return std::make_unique<SampleGroup>(output, std::move(place), sequence);
}

}  // namespace dcp
