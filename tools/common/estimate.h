// A number and how sure it is.
#ifndef DCP_TOOLS_COMMON_ESTIMATE_H_
#define DCP_TOOLS_COMMON_ESTIMATE_H_

#include <limits>
#include <optional>
#include <span>

#include "common/json.h"

namespace dcp::tools {

// A value with its 95 % interval; a bound that is not known is NaN, and so is a value where there is nothing to
// average.
struct Estimate {
  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

  double value = kUnknown;
  double low = kUnknown;
  double high = kUnknown;

  bool has_interval() const { return low <= high; }
};

// [low, high], or null.
Json Bounds(const Estimate& estimate);

// A mean over independent samples.
struct MeanError {
  double mean = 0;
  std::optional<double> error;  // standard error, sample standard deviation / sqrt(n); absent for one sample
};

// REQUIRES: at least one sample.
MeanError MeanWithError(std::span<const double> samples);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_ESTIMATE_H_
