#include "dcp-inspect/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/measure.h"

namespace dcp::tools {
namespace {

constexpr double kTail = 0.025;

// SplitMix64: small, and the same on every machine, unlike the standard library's distributions.
uint64_t NextRandom(uint64_t& state) {
  uint64_t z = (state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

Estimate Interval(double value, std::vector<double> samples) {
  // A resample may hold no token of a rare class.
  std::erase_if(samples, [](double sample) { return std::isnan(sample); });
  if (std::isnan(value) || samples.empty()) {
    constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
    return {kNaN, kNaN, kNaN};
  }
  return {value, Quantile(samples, kTail), Quantile(samples, 1 - kTail)};
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

Bootstrap::Bootstrap(const WindowSums& sums, int resamples, uint64_t seed) : sums_(sums) {
  const size_t windows = sums.windows();
  values_ = Ratios(std::vector<double>(windows, 1.0));
  for (int i = 0; i < resamples; ++i) {
    std::vector<double> counts(windows, 0.0);
    for (size_t draw = 0; draw < windows; ++draw) ++counts[NextRandom(seed) % windows];
    samples_.push_back(Ratios(counts));
  }
}

std::vector<double> Bootstrap::Ratios(const std::vector<double>& counts) const {
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

Estimate Bootstrap::Of(size_t measure) const {
  std::vector<double> samples;
  for (const auto& sample : samples_) samples.push_back(sample[measure]);
  return Interval(values_[measure], std::move(samples));
}

Estimate Bootstrap::Difference(size_t measure, size_t minus) const {
  std::vector<double> samples;
  for (const auto& sample : samples_) samples.push_back(sample[measure] - sample[minus]);
  return Interval(values_[measure] - values_[minus], std::move(samples));
}

}  // namespace dcp::tools
