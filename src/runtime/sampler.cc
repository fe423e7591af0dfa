#include "dcp/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "dcp/error.h"
#include "support/random.h"

namespace dcp {
namespace {

void CheckNumbers(std::span<const float> logits) {
  for (size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i])) {
      throw Error(ErrorCode::kInvalidModel, "sampler: logit " + std::to_string(i) + " of " +
                                                std::to_string(logits.size()) + " is NaN, must be a number");
    }
  }
}

TokenId Largest(std::span<const float> logits) {
  return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

}  // namespace

void SamplingOptions::Validate() const {
  const auto reject = [](const char* field, const std::string& value, const char* range) {
    throw Error(ErrorCode::kInvalidArgument, std::string(field) + ": " + value + " is not " + range);
  };
  if (!std::isfinite(temperature) || temperature < 0.0f)
    reject("temperature", std::to_string(temperature), "0 or more");
  if (top_k < 0) reject("top_k", std::to_string(top_k), "0 or more");
  if (!(top_p > 0.0f && top_p <= 1.0f)) reject("top_p", std::to_string(top_p), "in (0, 1]");
}

double CounterUniform(uint64_t seed, uint64_t stream, uint64_t position) {
  const uint64_t hash = Mix(Mix(Mix(seed + kGoldenGamma) + stream * kGoldenGamma + 1) + position * kGoldenGamma + 1);
  return static_cast<double>(hash >> 11) * 0x1p-53;
}

Sampler::Sampler(const SamplingOptions& options) : options_(options) { options_.Validate(); }

TokenId Sampler::Sample(std::span<const float> logits, uint64_t stream, uint64_t position) {
  CheckNumbers(logits);
  const TokenId best = Largest(logits);
  // Next to an infinite logit the others have no probability (and differences to it are not numbers).
  if (options_.temperature == 0.0f || options_.top_k == 1 || std::isinf(logits[best])) return best;

  // Candidates in order of falling probability; only as many as the filters can need are sorted.
  candidates_.resize(logits.size());
  std::iota(candidates_.begin(), candidates_.end(), 0);
  const auto more_likely = [&](TokenId a, TokenId b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; };
  const size_t count = options_.top_k > 0 ? std::min<size_t>(options_.top_k, logits.size()) : logits.size();
  const bool ordered = count < logits.size() || options_.top_p < 1.0f;
  if (ordered) {
    std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<ptrdiff_t>(count), candidates_.end(),
                      more_likely);
  }
  const double largest = logits[best];
  weights_.resize(count);
  double total = 0.0;
  for (size_t i = 0; i < count; ++i) {
    weights_[i] = std::exp((logits[candidates_[i]] - largest) / options_.temperature);
    total += weights_[i];
  }
  size_t kept = count;
  if (options_.top_p < 1.0f) {
    const double wanted = options_.top_p * total;
    double sum = 0.0;
    for (kept = 0; kept < count && sum < wanted; ++kept) sum += weights_[kept];
    total = sum;
  }
  double left = CounterUniform(options_.seed, stream, position) * total;
  for (size_t i = 0; i + 1 < kept; ++i) {
    left -= weights_[i];
    if (left < 0.0) return candidates_[i];
  }
  return candidates_[kept - 1];
}

}  // namespace dcp
