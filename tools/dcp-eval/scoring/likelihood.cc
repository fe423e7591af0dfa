#include "dcp-eval/scoring/likelihood.h"

#include <algorithm>
#include <cmath>

#include "dcp/error.h"

namespace dcp::tools {
namespace {

size_t MostLikely(std::span<const float> logits) {
  return static_cast<size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

double NllOf(std::span<const float> logits, size_t most_likely, size_t target) {
  const double largest = logits[most_likely];
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return std::log(sum) + largest - logits[target];
}

}  // namespace

double NegativeLogLikelihood(std::span<const float> logits, TokenId target) {
  return NllOf(logits, MostLikely(logits), static_cast<size_t>(target));
}

void ScorePredictions(ThreadPool& pool, std::span<Prediction> predictions) {
  pool.ParallelFor(predictions.size(), [&](size_t i, size_t) {
    Prediction& one = predictions[i];
    const auto target = static_cast<size_t>(one.target);
    const size_t most_likely = MostLikely(one.logits);
    *one.nll = NllOf(one.logits, most_likely, target);
    one.most_likely = most_likely == target;
  });
  for (const Prediction& one : predictions) {
    if (std::isfinite(*one.nll)) continue;
    throw Error(ErrorCode::kInvalidModel, *one.source + ": the model gives token " + std::to_string(one.token) +
                                              " (id " + std::to_string(one.target) +
                                              ") a likelihood that is not finite");
  }
}

}  // namespace dcp::tools
