// Confidence intervals by resampling (the bootstrap). What is drawn is larger than a token - a window, a block of them,
// a document - because the tokens of a text depend on one another. All measures see the same draws, so the difference
// and the ratio of two of them have intervals too, text by text.
#ifndef DCP_TOOLS_COMMON_BOOTSTRAP_H_
#define DCP_TOOLS_COMMON_BOOTSTRAP_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/estimate.h"

namespace dcp::tools {

// What a unit adds to a mean or a share: a sum, and the weight (often a number of tokens) that it is divided by.
struct Ratio {
  double sum = 0;
  double weight = 0;

  void Add(double more, double more_weight = 1) {
    sum += more;
    weight += more_weight;
  }
  double value() const { return sum / weight; }  // NaN for nothing at all
};

class Bootstrap {
 public:
  // Draws `units` units with replacement, `samples` times; 0 samples: estimates have no interval. The draws are a
  // function of the three numbers, the same on every machine. REQUIRES: units >= 1 or samples = 0.
  Bootstrap(size_t units, size_t samples, uint64_t seed);

  // The ratio of sums of all units, and the middle 95 % of those of the samples. Samples in which it is NaN (they hold
  // nothing of something rare) are left out. `units` [units].
  Estimate Of(std::span<const Ratio> units) const;
  // ... of one ratio less another.
  Estimate Difference(std::span<const Ratio> units, std::span<const Ratio> minus) const;

  // The same for any `measure` of ratios, where the value is known: e.g. exp of a mean.
  using Measure = std::function<double(double ratio)>;
  Estimate Of(double value, std::span<const Ratio> units, const Measure& measure) const;
  using PairMeasure = std::function<double(double ratio, double other)>;
  Estimate Of(double value, std::span<const Ratio> units, std::span<const Ratio> others,
              const PairMeasure& measure) const;

 private:
  std::vector<double> Ratios(std::span<const Ratio> units) const;  // [samples]

  std::vector<std::vector<uint32_t>> drawn_;  // [samples][units] how often
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_BOOTSTRAP_H_
