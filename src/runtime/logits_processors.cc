#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "dcp/error.h"
#include "dcp/logits_processor.h"
#include "dcp/sampler.h"

namespace dcp {
namespace {

constexpr float kBanned = -std::numeric_limits<float>::infinity();

// The logit of an id, which a caller may have taken from another vocabulary.
float& LogitOf(std::span<float> logits, TokenId id) {
  if (id < 0 || static_cast<size_t>(id) >= logits.size()) {
    throw Error(ErrorCode::kInvalidArgument, "logits processor: id " + std::to_string(id) + " is not one of the " +
                                                 std::to_string(logits.size()) + " logits");
  }
  return logits[static_cast<size_t>(id)];
}

std::vector<TokenId> Sorted(std::span<const TokenId> ids) {
  std::vector<TokenId> sorted(ids.begin(), ids.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// Calls `what(id, times)` for each id that occurs, in their order.
template <typename What>
void ForEachOccurring(std::span<const TokenId> ids, const What& what) {
  const std::vector<TokenId> sorted = Sorted(ids);
  for (size_t begin = 0, end = 0; begin < sorted.size(); begin = end) {
    while (end < sorted.size() && sorted[end] == sorted[begin]) ++end;
    what(sorted[begin], end - begin);
  }
}

bool EndsWith(std::span<const TokenId> ids, std::span<const TokenId> end) {
  return ids.size() >= end.size() && std::equal(end.begin(), end.end(), ids.end() - static_cast<ptrdiff_t>(end.size()));
}

class LogitBiasProcessor final : public LogitsProcessor {
 public:
  explicit LogitBiasProcessor(std::vector<LogitBias> biases) : biases_(std::move(biases)) {}
  void Process(const TokenHistory&, std::span<float> logits) const override {
    for (const LogitBias& bias : biases_) LogitOf(logits, bias.id) += bias.bias;
  }

 private:
  std::vector<LogitBias> biases_;
};

class RepetitionPenalty final : public LogitsProcessor {
 public:
  explicit RepetitionPenalty(float penalty) : penalty_(penalty) {}
  void Process(const TokenHistory& history, std::span<float> logits) const override {
    ForEachOccurring(history.ids, [&](TokenId id, size_t) {
      float& logit = LogitOf(logits, id);
      logit = logit < 0 ? logit * penalty_ : logit / penalty_;
    });
  }

 private:
  float penalty_;
};

class PresenceAndFrequencyPenalty final : public LogitsProcessor {
 public:
  PresenceAndFrequencyPenalty(float presence, float frequency) : presence_(presence), frequency_(frequency) {}
  void Process(const TokenHistory& history, std::span<float> logits) const override {
    ForEachOccurring(history.generated(), [&](TokenId id, size_t times) {
      LogitOf(logits, id) -= presence_ + frequency_ * static_cast<float>(times);
    });
  }

 private:
  float presence_, frequency_;
};

class NoRepeatNgram final : public LogitsProcessor {
 public:
  explicit NoRepeatNgram(int size) : size_(static_cast<size_t>(size)) {}
  void Process(const TokenHistory& history, std::span<float> logits) const override {
    const std::span<const TokenId> ids = history.ids;
    if (ids.size() < size_) return;
    const auto last = ids.last(size_ - 1);
    for (size_t i = 0; i + size_ <= ids.size(); ++i) {
      if (std::equal(last.begin(), last.end(), ids.begin() + static_cast<ptrdiff_t>(i))) {
        LogitOf(logits, ids[i + size_ - 1]) = kBanned;
      }
    }
  }

 private:
  size_t size_;
};

class BadWords final : public LogitsProcessor {
 public:
  explicit BadWords(std::vector<std::vector<TokenId>> words) : words_(std::move(words)) {}
  void Process(const TokenHistory& history, std::span<float> logits) const override {
    for (const std::vector<TokenId>& word : words_) {
      if (EndsWith(history.ids, std::span(word).first(word.size() - 1))) LogitOf(logits, word.back()) = kBanned;
    }
  }

 private:
  std::vector<std::vector<TokenId>> words_;
};

class ForcedIds final : public LogitsProcessor {
 public:
  explicit ForcedIds(std::vector<TokenId> ids) : ids_(std::move(ids)) {}
  void Process(const TokenHistory& history, std::span<float> logits) const override {
    const size_t made = history.generated().size();
    if (made >= ids_.size()) return;
    float& forced = LogitOf(logits, ids_[made]);
    std::fill(logits.begin(), logits.end(), kBanned);
    forced = 0.0f;
  }

 private:
  std::vector<TokenId> ids_;
};

class MinNewTokens final : public LogitsProcessor {
 public:
  MinNewTokens(std::vector<TokenId> ids, int least) : ids_(std::move(ids)), least_(static_cast<size_t>(least)) {}
  void Process(const TokenHistory& history, std::span<float> logits) const override {
    if (history.generated().size() >= least_) return;
    for (const TokenId id : ids_) LogitOf(logits, id) = kBanned;
  }

 private:
  std::vector<TokenId> ids_;
  size_t least_;
};

}  // namespace

LogitsProcessor::~LogitsProcessor() = default;

LogitsProcessors MakeLogitsProcessors(const SamplingOptions& options) {
  options.Validate();
  LogitsProcessors processors;
  const auto add = [&](auto processor) {
    processors.push_back(std::make_shared<const decltype(processor)>(std::move(processor)));
  };
  if (!options.logit_bias.empty()) add(LogitBiasProcessor(options.logit_bias));
  if (options.repetition_penalty != 1.0f) add(RepetitionPenalty(options.repetition_penalty));
  if (options.presence_penalty != 0.0f || options.frequency_penalty != 0.0f) {
    add(PresenceAndFrequencyPenalty(options.presence_penalty, options.frequency_penalty));
  }
  if (options.no_repeat_ngram_size > 0) add(NoRepeatNgram(options.no_repeat_ngram_size));
  if (!options.bad_words_ids.empty()) add(BadWords(options.bad_words_ids));
  if (!options.forced_ids.empty()) add(ForcedIds(options.forced_ids));
  processors.insert(processors.end(), options.processors.begin(), options.processors.end());
  return processors;
}

std::shared_ptr<const LogitsProcessor> MakeMinNewTokensProcessor(std::vector<TokenId> ids, int min_new_tokens) {
  if (min_new_tokens < 0) {
    throw Error(ErrorCode::kInvalidArgument, "min_new_tokens: " + std::to_string(min_new_tokens) + " is not 0 or more");
  }
  return std::make_shared<const MinNewTokens>(std::move(ids), min_new_tokens);
}

}  // namespace dcp
