#include "dcp/generate.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "dcp/error.h"
#include "runtime/text_stream.h"

namespace dcp {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

void CheckArguments(const Session& session, std::span<const std::vector<TokenId>> prompts,
                    const GenerateOptions& options, const Tokenizer* tokenizer) {
  const auto reject = [](ErrorCode code, const std::string& message) { throw Error(code, message); };
  const ModelConfig& config = session.model().config();
  options.sampling.Validate();
  if (options.max_new_tokens < 1) {
    reject(ErrorCode::kInvalidArgument,
           "max_new_tokens: " + std::to_string(options.max_new_tokens) + " is not at least 1");
  }
  if (options.max_batch < 0) {
    reject(ErrorCode::kInvalidArgument, "max_batch: " + std::to_string(options.max_batch) + " is not 0 or more");
  }
  for (const std::string& stop : options.stop) {
    if (stop.empty()) reject(ErrorCode::kInvalidArgument, "stop: an empty text would stop everything");
  }
  if (!options.stop.empty() && tokenizer == nullptr) {
    reject(ErrorCode::kInvalidArgument, "stop: texts need a tokenizer, the model has none");
  }
  for (size_t i = 0; i < prompts.size(); ++i) {
    const std::string name = "prompt " + std::to_string(i);
    if (prompts[i].empty()) reject(ErrorCode::kInvalidArgument, name + ": has 0 tokens, needs at least 1");
    if (prompts[i].size() > static_cast<size_t>(config.n_positions)) {
      reject(ErrorCode::kContextFull, name + ": " + std::to_string(prompts[i].size()) + " tokens exceed the model's " +
                                          std::to_string(config.n_positions) + " positions");
    }
    for (TokenId id : prompts[i]) {
      if (id >= 0 && id < config.vocab_size) continue;
      reject(ErrorCode::kInvalidArgument,
             name + ": token id " + std::to_string(id) + " is not in 0 .. " + std::to_string(config.vocab_size - 1));
    }
  }
}

// A sequence that is being made.
struct Active {
  size_t index = 0;  // of the prompt, and the sampler's stream
  SequenceId id = 0;
  std::optional<TextStream> text;
  bool finished = false;
};

class Generation {
 public:
  Generation(Session& session, const GenerateOptions& options, const Tokenizer* tokenizer,
             const TokenCallback& on_token)
      : session_(session), options_(options), tokenizer_(tokenizer), on_token_(on_token), sampler_(options.sampling) {}

  ~Generation() {  // only after an exception is anything left
    for (const Active& active : active_) session_.Finish(active.id);
  }

  GenerateResult Run(std::span<const std::vector<TokenId>> prompts) {
    result_.sequences.resize(prompts.size());
    for (size_t i = 0; i < prompts.size(); ++i) result_.sequences[i].prompt_ids = prompts[i];
    const size_t batch = options_.max_batch > 0 ? static_cast<size_t>(options_.max_batch) : prompts.size();
    size_t next = 0;
    while (!cancelled_ && (next < prompts.size() || !active_.empty())) {
      const size_t joining = Joining(prompts.subspan(next), batch - active_.size());
      if (joining > 0) Join(next, joining);
      next += joining;
      if (joining == 0) Step();
      Retire();
    }
    for (Active& active : active_) Close(active, FinishReason::kCancelled);
    Retire();
    for (; next < prompts.size(); ++next) result_.sequences[next].finish_reason = FinishReason::kCancelled;
    result_.stats.sparsity = sequences_done_ > 0 ? sparsity_sum_ / static_cast<double>(sequences_done_) : 0.0;
    return std::move(result_);
  }

 private:
  // How many prompts to prefill in one call: as many as fill a pass, so that the callback is asked now and then.
  size_t Joining(std::span<const std::vector<TokenId>> waiting, size_t room) const {
    const auto rows = static_cast<size_t>(session_.options().max_rows);
    size_t count = 0;
    for (size_t tokens = 0; count < std::min(room, waiting.size()); ++count) {
      tokens += waiting[count].size();
      if (count > 0 && tokens > rows) break;
    }
    return count;
  }

  // Prefills the next prompts and draws their first tokens.
  void Join(size_t first, size_t count) {
    const size_t old = active_.size();
    std::vector<FeedItem> items;
    for (size_t i = first; i < first + count; ++i) {
      Active active;
      active.index = i;
      active.id = session_.Add();
      if (tokenizer_ != nullptr) active.text.emplace(*tokenizer_, options_.stop);
      active_.push_back(std::move(active));
      items.push_back({active_.back().id, result_.sequences[i].prompt_ids});
      result_.stats.prefill_tokens += static_cast<int64_t>(result_.sequences[i].prompt_ids.size());
    }
    const Clock::time_point begin = Clock::now();
    const Logits logits = session_.Prefill(items);
    result_.stats.prefill_seconds += Seconds(begin, Clock::now());
    for (size_t i = 0; i < count && !cancelled_; ++i) {
      GeneratedSequence& sequence = result_.sequences[first + i];
      if (options_.keep_prompt_logits) sequence.prompt_logits.assign(logits.row(i).begin(), logits.row(i).end());
      Accept(active_[old + i], Draw(active_[old + i], logits.row(i)));
    }
  }

  // One decode step of everything that is active.
  void Step() {
    ids_.clear();
    tokens_.clear();
    for (const Active& active : active_) {
      ids_.push_back(active.id);
      tokens_.push_back(result_.sequences[active.index].generated_ids.back());
    }
    const Clock::time_point begin = Clock::now();
    const Logits logits = session_.Decode(ids_, tokens_);
    for (size_t i = 0; i < active_.size(); ++i) tokens_[i] = Draw(active_[i], logits.row(i));
    const double seconds = Seconds(begin, Clock::now());
    result_.stats.decode_seconds += seconds;
    result_.stats.decode_step_seconds.push_back(seconds);
    result_.stats.decode_tokens += static_cast<int64_t>(ids_.size());
    for (size_t i = 0; i < active_.size() && !cancelled_; ++i) Accept(active_[i], tokens_[i]);
  }

  TokenId Draw(const Active& active, std::span<const float> logits) {
    const auto position = static_cast<uint64_t>(session_.cache().SeenTokens(active.id));
    return sampler_.Sample(logits, active.index, position);
  }

  void Accept(Active& active, TokenId id) {
    result_.sequences[active.index].generated_ids.push_back(id);
    const bool eos = !options_.ignore_eos && session_.model().config().IsEndOfText(id);
    // Ids beyond the tokenizer's, where the embedding was padded to a round size, have no text.
    if (active.text && !eos && id < tokenizer_->vocab_size()) shown_ = active.text->Push(id);
    const std::optional<FinishReason> reason = WhyFinished(active, eos);
    if (reason) Close(active, *reason);
    Notify(active, id);
  }

  std::optional<FinishReason> WhyFinished(const Active& active, bool eos) const {
    if (eos) return FinishReason::kEos;
    if (active.text && active.text->stopped()) return FinishReason::kStop;
    const auto made = static_cast<int>(result_.sequences[active.index].generated_ids.size());
    if (made >= options_.max_new_tokens) return FinishReason::kLength;
    if (session_.Remaining(active.id) == 0) return FinishReason::kContext;
    return std::nullopt;
  }

  void Notify(const Active& active, TokenId id) {
    if (on_token_ && !on_token_({active.index, id, shown_, active.finished})) cancelled_ = true;
    shown_.clear();
  }

  // Takes down what the result says about a sequence; its memory goes back in Retire.
  void Close(Active& active, FinishReason reason) {
    GeneratedSequence& sequence = result_.sequences[active.index];
    active.finished = true;
    sequence.finish_reason = reason;
    if (active.text) {
      shown_ += active.text->Finish();
      sequence.text = active.text->text();
    }
    const KvCache& cache = session_.cache();
    for (int layer = 0; layer < cache.layers(); ++layer) {
      sequence.kept.push_back(cache.KeptPositions(layer, active.id));
      if (session_.options().record_drops) sequence.drops.push_back(session_.Drops(layer, active.id));
    }
    sparsity_sum_ += cache.Sparsity(active.id);
    ++sequences_done_;
  }

  void Retire() {
    const auto finished = [](const Active& active) { return active.finished; };
    if (std::none_of(active_.begin(), active_.end(), finished)) return;
    result_.stats.cache = session_.cache().Stats();
    for (const Active& active : active_) {
      if (active.finished) session_.Finish(active.id);
    }
    std::erase_if(active_, finished);
  }

  Session& session_;
  const GenerateOptions& options_;
  const Tokenizer* tokenizer_;
  const TokenCallback& on_token_;
  Sampler sampler_;
  GenerateResult result_;
  std::vector<Active> active_;
  std::vector<SequenceId> ids_;
  std::vector<TokenId> tokens_;
  std::string shown_;  // text of the token being reported
  bool cancelled_ = false;
  double sparsity_sum_ = 0.0;
  size_t sequences_done_ = 0;
};

}  // namespace

std::string_view ToString(FinishReason reason) {
  switch (reason) {
    case FinishReason::kLength:
      return "length";
    case FinishReason::kEos:
      return "eos";
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kContext:
      return "context";
    case FinishReason::kCancelled:
      return "cancelled";
  }
  return "?";
}

GenerateResult Generate(Session& session, std::span<const std::vector<TokenId>> prompts, const GenerateOptions& options,
                        const Tokenizer* tokenizer, const TokenCallback& on_token) {
  CheckArguments(session, prompts, options, tokenizer);
  return Generation(session, options, tokenizer, on_token).Run(prompts);
}

}  // namespace dcp
