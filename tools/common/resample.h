// What confidence intervals by resampling (the bootstrap) share: which units are drawn, and the interval of the
// results.
#ifndef DCP_TOOLS_COMMON_RESAMPLE_H_
#define DCP_TOOLS_COMMON_RESAMPLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dcp::tools {

struct Interval {
  double low = 0;
  double high = 0;
};

// [samples][units]: how often each unit is drawn when as many units as there are are drawn with replacement. A function
// of the three numbers, the same on every machine. REQUIRES: units >= 1 or samples = 0.
std::vector<std::vector<uint32_t>> DrawUnits(size_t units, size_t samples, uint64_t seed);

// The percentile interval of 95 %. REQUIRES: `results` is not empty.
Interval Middle95(const std::vector<double>& results);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_RESAMPLE_H_
