#include "runtime/log_softmax.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace dcp {

double LogSumExp(std::span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  if (std::isinf(largest)) return largest;
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return largest + std::log(sum);
}

std::vector<TokenId> LargestLogits(std::span<const float> logits, size_t count) {
  std::vector<TokenId> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::partial_sort(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(count), ids.end(),
                    [&](TokenId a, TokenId b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  ids.resize(count);
  return ids;
}

GeneratedLogprobs LogprobsOf(std::span<const float> logits, TokenId id, int top) {
  const double log_sum = LogSumExp(logits);
  const auto logprob = [&](TokenId of) { return static_cast<float>(logits[of] - log_sum); };
  GeneratedLogprobs result{logprob(id), {}};
  for (const TokenId likely : LargestLogits(logits, std::min(static_cast<size_t>(top), logits.size()))) {
    result.top.push_back({likely, logprob(likely)});
  }
  return result;
}

}  // namespace dcp
