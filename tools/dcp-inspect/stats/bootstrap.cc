#include "dcp-inspect/stats/bootstrap.h"

#include <cmath>
#include <limits>

#include "common/resample.h"

namespace dcp::tools {
namespace {

Estimate WithInterval(double value, std::vector<double> samples) {
  // A resample may hold no token of a rare class.
  std::erase_if(samples, [](double sample) { return std::isnan(sample); });
  if (std::isnan(value) || samples.empty()) {
    constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
    return {kNaN, kNaN, kNaN};
  }
  const Interval interval = Middle95(samples);
  return {value, interval.low, interval.high};
}

}  // namespace

void WindowSums::BeginWindow() {
  sums_.resize(sums_.size() + measures_);
  weights_.resize(weights_.size() + measures_);
}

void WindowSums::Add(size_t measure, double sum, double weight) {
  const size_t at = sums_.size() - measures_ + measure;
  sums_[at] += sum;
  weights_[at] += weight;
}

double WindowSums::Weight(size_t measure) const {
  double weight = 0;
  for (size_t at = measure; at < weights_.size(); at += measures_) weight += weights_[at];
  return weight;
}

WindowBootstrap::WindowBootstrap(const WindowSums& sums, int resamples, uint64_t seed) : sums_(sums) {
  values_ = Ratios(std::vector<uint32_t>(sums.windows(), 1));
  for (const std::vector<uint32_t>& counts : DrawUnits(sums.windows(), resamples, seed)) {
    samples_.push_back(Ratios(counts));
  }
}

std::vector<double> WindowBootstrap::Ratios(const std::vector<uint32_t>& counts) const {
  const size_t measures = sums_.measures();
  std::vector<double> ratios(measures, 0.0);
  std::vector<double> weights(measures, 0.0);
  for (size_t window = 0; window < counts.size(); ++window) {
    if (counts[window] == 0) continue;
    for (size_t measure = 0; measure < measures; ++measure) {
      ratios[measure] += counts[window] * sums_.sums_[window * measures + measure];
      weights[measure] += counts[window] * sums_.weights_[window * measures + measure];
    }
  }
  for (size_t measure = 0; measure < measures; ++measure) ratios[measure] /= weights[measure];  // 0 / 0 is NaN
  return ratios;
}

Estimate WindowBootstrap::Of(size_t measure) const {
  std::vector<double> samples;
  for (const auto& sample : samples_) samples.push_back(sample[measure]);
  return WithInterval(values_[measure], std::move(samples));
}

Estimate WindowBootstrap::Difference(size_t measure, size_t minus) const {
  std::vector<double> samples;
  for (const auto& sample : samples_) samples.push_back(sample[measure] - sample[minus]);
  return WithInterval(values_[measure] - values_[minus], std::move(samples));
}

}  // namespace dcp::tools
