#include "dcp/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "dcp/error.h"
#include "support/random.h"

namespace dcp {
namespace {

[[noreturn]] void FailAt(ErrorCode code, const std::string& who, size_t index, size_t size) {
  throw Error(code,
              who + ": logit " + std::to_string(index) + " of " + std::to_string(size) + " is NaN, must be a number");
}

void CheckNumbers(std::span<const float> logits, ErrorCode code, const char* who) {
  if (logits.empty()) throw Error(ErrorCode::kInvalidArgument, std::string(who) + ": 0 logits, needs at least 1");
  for (size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i])) FailAt(code, who, i, logits.size());
  }
}

TokenId Largest(std::span<const float> logits) {
  return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// What is left to choose from: parallel candidates and weights. Each filter leaves at least one.
struct Choices {
  std::vector<TokenId>& candidates;
  std::vector<double>& weights;  // in proportion to the probabilities
  double total;                  // of the weights

  // Keeps the first `count`, whose weights sum to `sum`.
  void Cut(size_t count, double sum) {
    candidates.resize(count);
    weights.resize(count);
    total = sum;
  }
};

// REQUIRES: candidates in order of falling probability.
void KeepTopP(float top_p, Choices& choices) {
  const double wanted = top_p * choices.total;
  double sum = 0.0;
  size_t kept = 0;
  for (; kept < choices.weights.size() && sum < wanted; ++kept) sum += choices.weights[kept];
  choices.Cut(kept, sum);
}

template <typename Keeps>
void KeepWhere(Choices& choices, const Keeps& keeps) {
  double sum = 0.0;
  size_t kept = 0;
  for (size_t i = 0; i < choices.weights.size(); ++i) {
    if (!keeps(i)) continue;
    choices.candidates[kept] = choices.candidates[i];
    choices.weights[kept] = choices.weights[i];
    sum += choices.weights[kept++];
  }
  choices.Cut(kept, sum);
}

// The largest weight is that of the likeliest token of all, 1, which no filter before this one drops.
void KeepMinP(float min_p, Choices& choices) {
  KeepWhere(choices, [&](size_t i) { return choices.weights[i] >= min_p; });
}

// The expected information of a draw, -sum p log p.
double Entropy(const Choices& choices) {
  double entropy = 0.0;
  for (const double weight : choices.weights) {
    const double p = weight / choices.total;
    if (p > 0.0) entropy -= p * std::log(p);
  }
  return entropy;
}

// How far the farthest is that has to be kept: tokens at most so far from the entropy have the probability `mass`.
double TypicalReach(float mass, const Choices& choices, Sampler::Scratch& scratch) {
  const double entropy = Entropy(choices);
  const size_t count = choices.weights.size();
  scratch.distances.resize(count);
  for (size_t i = 0; i < count; ++i) {
    scratch.distances[i] = std::abs(-std::log(choices.weights[i] / choices.total) - entropy);
  }
  scratch.order.resize(count);
  std::iota(scratch.order.begin(), scratch.order.end(), 0u);
  std::sort(scratch.order.begin(), scratch.order.end(), [&](uint32_t a, uint32_t b) {
    return scratch.distances[a] != scratch.distances[b] ? scratch.distances[a] < scratch.distances[b] : a < b;
  });
  const double wanted = mass * choices.total;
  double sum = 0.0;
  size_t last = 0;
  for (; last + 1 < count; ++last) {
    sum += choices.weights[scratch.order[last]];
    if (sum >= wanted) break;
  }
  return scratch.distances[scratch.order[last]];
}

void KeepTypical(float mass, Choices& choices, Sampler::Scratch& scratch) {
  const double reach = TypicalReach(mass, choices, scratch);
  KeepWhere(choices, [&](size_t i) { return scratch.distances[i] <= reach; });
}

}  // namespace

double CounterUniform(uint64_t seed, uint64_t stream, uint64_t position) {
  const uint64_t hash = Mix(Mix(Mix(seed + kGoldenGamma) + stream * kGoldenGamma + 1) + position * kGoldenGamma + 1);
  return static_cast<double>(hash >> 11) * 0x1p-53;
}

Sampler::Sampler(const SamplingOptions& options, std::shared_ptr<Scratch> scratch)
    : options_(options), processors_(MakeLogitsProcessors(options)), scratch_(std::move(scratch)) {
  if (scratch_ == nullptr) scratch_ = std::make_shared<Scratch>();
}

TokenId Sampler::Sample(std::span<const float> logits, uint64_t stream, uint64_t position) {
  if (!processors_.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "sampler: penalties and other processors need the tokens before");
  }
  CheckNumbers(logits, ErrorCode::kInvalidModel, "sampler");
  return Draw(logits, stream, position);
}

TokenId Sampler::Sample(std::span<const float> logits, const TokenHistory& history) {
  CheckNumbers(logits, ErrorCode::kInvalidModel, "sampler");
  if (processors_.empty()) return Draw(logits, history.stream, history.position());
  std::vector<float>& processed = scratch_->processed;
  processed.assign(logits.begin(), logits.end());
  for (const auto& processor : processors_) processor->Process(history, processed);
  CheckNumbers(processed, ErrorCode::kInvalidArgument, "logits processor");
  if (std::isinf(processed[Largest(processed)]) && processed[Largest(processed)] < 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "token " + std::to_string(history.generated().size()) + ": every token of the vocabulary is banned");
  }
  return Draw(processed, history.stream, history.position());
}

TokenId Sampler::Draw(std::span<const float> logits, uint64_t stream, uint64_t position) {
  const TokenId best = Largest(logits);
  // Next to an infinite logit the others have no probability (and differences to it are not numbers).
  if (options_.temperature == 0.0f || options_.top_k == 1 || std::isinf(logits[best])) return best;

  // Candidates in order of falling probability; only as many as the filters can need are sorted.
  std::vector<TokenId>& candidates = scratch_->candidates;
  std::vector<double>& weights = scratch_->weights;
  candidates.resize(logits.size());
  std::iota(candidates.begin(), candidates.end(), 0);
  const auto more_likely = [&](TokenId a, TokenId b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; };
  const size_t count = options_.top_k > 0 ? std::min<size_t>(options_.top_k, logits.size()) : logits.size();
  if (count < logits.size() || options_.top_p < 1.0f) {
    std::partial_sort(candidates.begin(), candidates.begin() + static_cast<ptrdiff_t>(count), candidates.end(),
                      more_likely);
  }
  candidates.resize(count);
  weights.resize(count);
  const double largest = logits[best];
  Choices choices{candidates, weights, 0.0};
  for (size_t i = 0; i < count; ++i) {
    weights[i] = std::exp((logits[candidates[i]] - largest) / options_.temperature);
    choices.total += weights[i];
  }
  if (options_.top_p < 1.0f) KeepTopP(options_.top_p, choices);
  if (options_.min_p > 0.0f) KeepMinP(options_.min_p, choices);
  if (options_.typical_p < 1.0f) KeepTypical(options_.typical_p, choices, *scratch_);

  double left = CounterUniform(options_.seed, stream, position) * choices.total;
  TokenId last = best;  // where rounding leaves nothing to take: the last one that has a probability
  for (size_t i = 0; i < candidates.size(); ++i) {
    left -= weights[i];
    if (left < 0.0) return candidates[i];
    if (weights[i] > 0.0) last = candidates[i];
  }
  return last;
}

}  // namespace dcp
