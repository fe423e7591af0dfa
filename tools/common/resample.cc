#include "common/resample.h"

#include <algorithm>

#include "common/measure.h"
#include "dcp/sampler.h"

namespace dcp::tools {

std::vector<std::vector<uint32_t>> DrawUnits(size_t units, size_t samples, uint64_t seed) {
  std::vector<std::vector<uint32_t>> drawn(samples, std::vector<uint32_t>(units));
  for (size_t sample = 0; sample < samples; ++sample) {
    for (size_t i = 0; i < units; ++i) {
      const double unit = CounterUniform(seed, sample, i) * static_cast<double>(units);
      ++drawn[sample][std::min(units - 1, static_cast<size_t>(unit))];
    }
  }
  return drawn;
}

Interval Middle95(const std::vector<double>& results) { return {Quantile(results, 0.025), Quantile(results, 0.975)}; }

}  // namespace dcp::tools
