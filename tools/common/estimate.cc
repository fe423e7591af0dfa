#include "common/estimate.h"

#include <cmath>
#include <numeric>

namespace dcp::tools {

Json Bounds(const Estimate& estimate) {
  return estimate.has_interval() ? Json::array({estimate.low, estimate.high}) : Json(nullptr);
}

MeanError MeanWithError(std::span<const double> samples) {
  const auto n = static_cast<double>(samples.size());
  MeanError result;
  result.mean = std::accumulate(samples.begin(), samples.end(), 0.0) / n;
  if (samples.size() < 2) return result;
  double squares = 0;
  for (const double sample : samples) squares += (sample - result.mean) * (sample - result.mean);
  result.error = std::sqrt(squares / (n - 1)) / std::sqrt(n);
  return result;
}

}  // namespace dcp::tools
