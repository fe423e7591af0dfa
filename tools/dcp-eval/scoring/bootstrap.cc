#include "dcp-eval/scoring/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dcp::tools {
namespace {

constexpr size_t kBlocks = 50;
constexpr size_t kLongestBlock = 16;

}  // namespace

ResampleUnits ChooseUnits(std::span<const Window> windows) {
  size_t documents = 0;
  for (size_t i = 0; i < windows.size(); ++i) {
    if (i == 0 || windows[i].document != windows[i - 1].document) ++documents;
  }
  ResampleUnits units;
  units.name = documents >= kEnoughDocuments ? "document" : "block";
  if (documents < kEnoughDocuments) {
    units.block_windows = std::clamp<size_t>(windows.size() / kBlocks, 1, kLongestBlock);
  }
  size_t in_unit = 0;  // windows
  for (size_t i = 0; i < windows.size(); ++i) {
    const bool new_document = i == 0 || windows[i].document != windows[i - 1].document;
    if (new_document || (units.block_windows != 0 && in_unit == units.block_windows)) {
      ++units.count;
      in_unit = 0;
    }
    ++in_unit;
    units.of_window.push_back(units.count - 1);
  }
  return units;
}

double PerplexityOf(const NllSum& sum) {
  if (sum.tokens == 0) return std::numeric_limits<double>::quiet_NaN();
  return std::exp(sum.nll / static_cast<double>(sum.tokens));
}

PerplexityBootstrap::PerplexityBootstrap(size_t units, size_t samples, uint64_t seed)
    : units_(units), drawn_(DrawUnits(units, units < 2 ? 0 : samples, seed)) {}

std::vector<double> PerplexityBootstrap::MeanNlls(std::span<const NllSum> units) const {
  std::vector<double> means;
  means.reserve(drawn_.size());
  for (const std::vector<uint32_t>& times : drawn_) {
    double nll = 0, tokens = 0;
    for (size_t i = 0; i < units_; ++i) {
      nll += times[i] * units[i].nll;
      tokens += times[i] * static_cast<double>(units[i].tokens);
    }
    means.push_back(nll / tokens);
  }
  return means;
}

std::optional<Interval> PerplexityBootstrap::Perplexity(std::span<const NllSum> units) const {
  if (drawn_.empty()) return std::nullopt;
  std::vector<double> samples = MeanNlls(units);
  for (double& sample : samples) sample = std::exp(sample);
  return Middle95(samples);
}

std::optional<Interval> PerplexityBootstrap::Ratio(std::span<const NllSum> units,
                                                   std::span<const NllSum> control) const {
  if (drawn_.empty()) return std::nullopt;
  std::vector<double> samples = MeanNlls(units);
  const std::vector<double> controls = MeanNlls(control);
  for (size_t i = 0; i < samples.size(); ++i) samples[i] = std::exp(samples[i] - controls[i]);
  return Middle95(samples);
}

}  // namespace dcp::tools
