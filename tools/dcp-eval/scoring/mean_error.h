// A mean and how sure it is.
#ifndef DCP_TOOLS_DCP_EVAL_SCORING_MEAN_ERROR_H_
#define DCP_TOOLS_DCP_EVAL_SCORING_MEAN_ERROR_H_

#include <optional>
#include <span>

namespace dcp::tools {

struct MeanError {
  double mean = 0;
  std::optional<double> error;  // standard error, sample standard deviation / sqrt(n); absent for one sample
};

// REQUIRES: at least one sample.
MeanError MeanWithError(std::span<const double> samples);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SCORING_MEAN_ERROR_H_
