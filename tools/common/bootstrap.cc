#include "common/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/measure.h"
#include "dcp/sampler.h"

namespace dcp::tools {
namespace {

Ratio Total(std::span<const Ratio> units) {
  Ratio total;
  for (const Ratio& unit : units) total.Add(unit.sum, unit.weight);
  return total;
}

Estimate WithInterval(double value, std::vector<double> samples) {
  std::erase_if(samples, [](double sample) { return std::isnan(sample); });
  if (std::isnan(value) || samples.empty()) return {value};
  return {value, Quantile(samples, 0.025), Quantile(samples, 0.975)};
}

}  // namespace

Bootstrap::Bootstrap(size_t units, size_t samples, uint64_t seed) : drawn_(samples, std::vector<uint32_t>(units)) {
  for (size_t sample = 0; sample < samples; ++sample) {
    for (size_t i = 0; i < units; ++i) {
      const double unit = CounterUniform(seed, sample, i) * static_cast<double>(units);
      ++drawn_[sample][std::min(units - 1, static_cast<size_t>(unit))];
    }
  }
}

std::vector<double> Bootstrap::Ratios(std::span<const Ratio> units) const {
  std::vector<double> ratios;
  ratios.reserve(drawn_.size());
  for (const std::vector<uint32_t>& times : drawn_) {
    Ratio total;
    for (size_t i = 0; i < units.size(); ++i) total.Add(times[i] * units[i].sum, times[i] * units[i].weight);
    ratios.push_back(total.value());
  }
  return ratios;
}

Estimate Bootstrap::Of(std::span<const Ratio> units) const { return WithInterval(Total(units).value(), Ratios(units)); }

Estimate Bootstrap::Difference(std::span<const Ratio> units, std::span<const Ratio> minus) const {
  return Of(Total(units).value() - Total(minus).value(), units, minus, std::minus<>());
}

Estimate Bootstrap::Of(double value, std::span<const Ratio> units, const Measure& measure) const {
  std::vector<double> samples = Ratios(units);
  std::transform(samples.begin(), samples.end(), samples.begin(), measure);
  return WithInterval(value, std::move(samples));
}

Estimate Bootstrap::Of(double value, std::span<const Ratio> units, std::span<const Ratio> others,
                       const PairMeasure& measure) const {
  std::vector<double> samples = Ratios(units);
  const std::vector<double> other = Ratios(others);
  std::transform(samples.begin(), samples.end(), other.begin(), samples.begin(), measure);
  return WithInterval(value, std::move(samples));
}

}  // namespace dcp::tools
