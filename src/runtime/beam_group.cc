// Beam search, as Hugging Face transformers does it: the candidates of a step are the best continuations of all beams,
// so many that as many as there are beams are left when all the others end; those among the first num_beams that end
// are finished texts, of which the best are kept; the first num_beams of the others go on.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "dcp/error.h"
#include "runtime/beam_candidates.h"
#include "runtime/log_softmax.h"
#include "runtime/request.h"
#include "runtime/running_request.h"
#include "runtime/text_stream.h"

namespace dcp {
namespace {

struct Beam {
  SequenceId id = 0;
  std::vector<TokenId> ids;  // prompt and generated
  double score = 0.0;        // sum of log-probabilities
  std::vector<GeneratedLogprobs> logprobs;
  std::optional<TextStream> text;  // where there are stop texts
};

// A text that ended.
struct Hypothesis {
  GeneratedSequence sequence;  // all but request, sample and text
  double sparsity = 0.0;
};

class BeamGroup final : public RunningRequest {
 public:
  BeamGroup(GenerationOutput& output, RequestPlace place, SequenceId sequence)
      : output_(output),
        session_(output.session()),
        options_(place.request->options),
        place_(std::move(place)),
        ends_(EndsOf(options_, session_.model().config())),
        processors_(MakeLogitsProcessors(SamplingOf(options_, session_.model().config()))),
        beam_count_(static_cast<size_t>(options_.num_beams)),
        candidates_(std::max<size_t>(2, 1 + ends_.size()) * beam_count_) {
    const auto room = static_cast<size_t>(session_.model().config().n_positions) - place_.prompt.size() + 1;
    most_ = std::min(static_cast<size_t>(options_.max_new_tokens), room);
    beams_.reserve(beam_count_);
    Beam& beam = beams_.emplace_back();
    beam.ids = place_.prompt;
    if (!options_.stop.empty()) beam.text.emplace(*output.tokenizer(), options_.stop);
    beam.id = sequence;
    parents_.resize(beam_count_);
    owned_.reserve(2 * beam_count_);
    owned_.push_back(sequence);
  }

  ~BeamGroup() override { Release(); }

  void Begin(std::span<const float> logits) override {
    if (options_.keep_prompt_logits) prompt_logits_.assign(logits.begin(), logits.end());
    Choose(Logits(logits.data(), 1, logits.size(), logits.size()), 0);
  }

  size_t width() const override { return beam_count_; }

  void AddSequences(std::vector<SequenceId>& sequences) const override {
    sequences.insert(sequences.end(), owned_.begin(), owned_.end());
  }

  void AddNeeds(std::vector<FeedNeed>& needs) const override {
    if (over_) return;
    for (const Beam& beam : beams_) needs.push_back({beam.id, false, 1});
  }

  void AddRows(StepRows& rows) override {
    for (const Beam& beam : beams_) {
      rows.sequences.push_back(beam.id);
      rows.tokens.push_back(beam.ids.back());
    }
  }

  void Choose(const Logits& logits, size_t first) override {
    candidates_.Clear();
    closed_ = full() && options_.early_stopping == EarlyStopping::kAtOnce;
    for (size_t b = 0; b < beams_.size(); ++b) AddCandidates(b, logits.row(first + b));
    ++made_;
    std::vector<Beam> next;
    next.reserve(beam_count_);
    size_t rank = 0;
    for (const BeamCandidate& candidate : candidates_.best()) {
      const bool in_front = rank++ < beam_count_;
      if (!in_front && next.size() == beam_count_) break;
      Beam beam = Continued(candidate, logits.row(first + candidate.beam));
      if (const auto reason = WhyFinished(beam)) {
        if (in_front) AddHypothesis(std::move(beam), candidate.beam, *reason);
      } else if (next.size() < beam_count_) {
        parents_[next.size()] = candidate.beam;
        next.push_back(std::move(beam));
      }
    }
    over_ = !GoesOn(next);
    if (!over_) Replace(std::move(next));
  }

  void Report() override {
    if (!over_) return;
    for (size_t s = 0; s < ResultCount(options_); ++s) ReportOne(s);
    reported_ = true;
  }

  // The answer is then the best text so far, finished or not.
  void Cancel() override {
    if (over_) return;
    // It is gone where memory was refused while beams parted.
    const bool there = std::ranges::find(owned_, beams_[0].id) != owned_.end();
    if (hypotheses_.empty() && there) AddHypothesis(beams_[0], 0, FinishReason::kCancelled);
    for (size_t s = 0; s < ResultCount(options_); ++s) {
      output_.sequence(place_.first + s).finish_reason = FinishReason::kCancelled;
      if (s < hypotheses_.size()) {
        hypotheses_[s].sequence.finish_reason = FinishReason::kCancelled;
        ReportOne(s);
      }
    }
    over_ = reported_ = true;
  }

  bool HasFinished() const override { return reported_ && !owned_.empty(); }
  void Release() override {
    for (const SequenceId id : owned_) session_.Finish(id);
    owned_.clear();
  }
  bool done() const override { return reported_ && owned_.empty(); }

 private:
  void AddCandidates(size_t b, std::span<const float> logits) {
    const Beam& beam = beams_[b];
    std::vector<float>& logprobs = output_.scratch()->processed;
    logprobs.resize(logits.size());
    const double log_sum = LogSumExp(logits);
    for (size_t i = 0; i < logits.size(); ++i) logprobs[i] = static_cast<float>(logits[i] - log_sum);
    const TokenHistory history{beam.ids, place_.prompt.size(), options_.sampling.seed, place_.request->stream};
    for (const auto& processor : processors_) processor->Process(history, logprobs);
    for (size_t i = 0; i < logprobs.size(); ++i) {
      if (std::isnan(logprobs[i])) {
        throw Error(processors_.empty() ? ErrorCode::kInvalidModel : ErrorCode::kInvalidArgument,
                    "beam search: logit " + std::to_string(i) + " is NaN, must be a number");
      }
      candidates_.Add({b, static_cast<TokenId>(i), beam.score + logprobs[i]});
    }
  }

  Beam Continued(const BeamCandidate& candidate, std::span<const float> logits) const {
    Beam beam = beams_[candidate.beam];
    beam.ids.push_back(candidate.id);
    beam.score = candidate.score;
    if (options_.logprobs) beam.logprobs.push_back(LogprobsOf(logits, candidate.id, *options_.logprobs));
    if (beam.text && !IsEnd(candidate.id) && candidate.id < output_.tokenizer()->vocab_size()) {
      beam.text->Push(candidate.id);
    }
    return beam;
  }

  bool IsEnd(TokenId id) const { return std::find(ends_.begin(), ends_.end(), id) != ends_.end(); }

  std::optional<FinishReason> WhyFinished(const Beam& beam) const {
    if (IsEnd(beam.ids.back())) return FinishReason::kEos;
    if (beam.text && beam.text->stopped()) return FinishReason::kStop;
    if (made_ < most_) return std::nullopt;
    return made_ == static_cast<size_t>(options_.max_new_tokens) ? FinishReason::kLength : FinishReason::kContext;
  }

  double Normalized(double score, size_t length) const {
    return score / std::pow(static_cast<double>(length), static_cast<double>(options_.length_penalty));
  }

  bool full() const { return hypotheses_.size() == beam_count_; }
  double worst() const { return *hypotheses_.back().sequence.beam_score; }

  // `parent` is the beam whose sequence was fed all but the last id.
  void AddHypothesis(Beam beam, size_t parent, FinishReason reason) {
    if (closed_) return;
    const auto prompt_end = beam.ids.begin() + static_cast<ptrdiff_t>(place_.prompt.size());
    const double score = Normalized(beam.score, std::max<size_t>(1, made_));
    if (full() && score <= worst()) return;
    Hypothesis hypothesis;
    hypothesis.sequence.generated_ids.assign(prompt_end, beam.ids.end());
    hypothesis.sequence.logprobs = std::move(beam.logprobs);
    hypothesis.sequence.finish_reason = reason;
    hypothesis.sequence.beam_score = score;
    output_.Describe(beams_[parent].id, hypothesis.sequence);
    hypothesis.sparsity = session_.cache().Sparsity(beams_[parent].id);
    const auto above = [](const Hypothesis& a, const Hypothesis& b) {
      return *a.sequence.beam_score > *b.sequence.beam_score;
    };
    hypotheses_.insert(std::upper_bound(hypotheses_.begin(), hypotheses_.end(), hypothesis, above),
                       std::move(hypothesis));
    if (hypotheses_.size() > beam_count_) hypotheses_.pop_back();
  }

  bool GoesOn(const std::vector<Beam>& next) const {
    if (next.empty()) return false;
    if (!full()) return true;
    if (options_.early_stopping == EarlyStopping::kAtOnce) return false;
    const bool to_the_end = options_.early_stopping == EarlyStopping::kExhaustive && options_.length_penalty > 0.0f;
    return Normalized(next[0].score, to_the_end ? most_ : made_) > worst();
  }

  // The beams that go on take over the sequences of those they come from: the first of each its own, the others clones.
  void Replace(std::vector<Beam> next) {
    const std::span<const size_t> parents = std::span(parents_).first(next.size());
    for (size_t b = 0; b < beams_.size(); ++b) {
      if (std::ranges::find(parents, b) != parents.end()) continue;
      session_.Finish(beams_[b].id);
      std::erase(owned_, beams_[b].id);
    }
    for (size_t i = 0; i < next.size(); ++i) {
      next[i].id = beams_[parents[i]].id;
      const auto same = [&](const Beam& other) { return other.id == next[i].id; };
      if (std::none_of(next.begin(), next.begin() + static_cast<ptrdiff_t>(i), same)) continue;
      next[i].id = session_.Clone(next[i].id);
      owned_.push_back(next[i].id);
    }
    beams_ = std::move(next);
  }

  void ReportOne(size_t s) {
    const size_t index = place_.first + s;
    if (s >= hypotheses_.size()) {
      return output_.Fail(index, hypotheses_.empty() ? "every token of the vocabulary is banned"
                                                     : "beam search found no more than " +
                                                           std::to_string(hypotheses_.size()) + " texts");
    }
    GeneratedSequence& sequence = output_.sequence(index);
    GeneratedSequence found = std::move(hypotheses_[s].sequence);
    found.request = sequence.request;
    found.sample = sequence.sample;
    found.prompt_ids = std::move(sequence.prompt_ids);
    found.prompt_logits = prompt_logits_;
    sequence = std::move(found);
    output_.CountSparsity(hypotheses_[s].sparsity);
    ReportTokens(index, sequence);
  }

  void ReportTokens(size_t index, GeneratedSequence& sequence) {
    std::optional<TextStream> text;
    if (output_.tokenizer() != nullptr) text.emplace(*output_.tokenizer(), options_.stop);
    for (size_t i = 0; i < sequence.generated_ids.size(); ++i) {
      const TokenId id = sequence.generated_ids[i];
      const bool last = i + 1 == sequence.generated_ids.size();
      std::string shown;
      if (text && !IsEnd(id) && id < output_.tokenizer()->vocab_size()) shown = text->Push(id);
      if (text && last) shown += text->Finish();
      const GeneratedLogprobs* const logprobs = sequence.logprobs.empty() ? nullptr : &sequence.logprobs[i];
      output_.Notify({.sequence = index, .id = id, .text = shown, .last = last, .logprobs = logprobs});
    }
    if (text) sequence.text = text->text();
  }

  GenerationOutput& output_;
  Session& session_;
  const GenerateOptions& options_;
  const RequestPlace place_;
  std::vector<TokenId> ends_;
  LogitsProcessors processors_;
  size_t beam_count_;
  BeamCandidates candidates_;
  size_t most_ = 0;                     // tokens that can be made
  size_t made_ = 0;                     // by each beam
  std::vector<Beam> beams_;             // the best first
  std::vector<SequenceId> owned_;       // theirs
  std::vector<size_t> parents_;         // [beam_count_] those of the beams that go on
  std::vector<Hypothesis> hypotheses_;  // the best first, at most beam_count_
  std::vector<float> prompt_logits_;
  bool closed_ = false;  // before the step under way there were texts enough
  bool over_ = false;    // nothing goes on
  bool reported_ = false;
};

}  // namespace

std::unique_ptr<RunningRequest> MakeBeamGroup(GenerationOutput& output, RequestPlace place, SequenceId sequence) {
  return std::make_unique<BeamGroup>(output, std::move(place), sequence);
}

}  // namespace dcp
