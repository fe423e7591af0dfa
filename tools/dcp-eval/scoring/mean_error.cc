#include "dcp-eval/scoring/mean_error.h"

#include <cmath>
#include <numeric>

namespace dcp::tools {

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
