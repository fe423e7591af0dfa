// Means over windows of text with confidence intervals: windows, not tokens, are drawn again, because the tokens of a
// window depend on one another.
#ifndef DCP_TOOLS_DCP_INSPECT_STATS_BOOTSTRAP_H_
#define DCP_TOOLS_DCP_INSPECT_STATS_BOOTSTRAP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dcp::tools {

// `value` with its 95 % interval; NaN where there is nothing to average.
struct Estimate {
  double value = 0;
  double low = 0;
  double high = 0;
};

// What each window adds to each measure: a sum, and the weight (often a number of tokens) that it is divided by.
class WindowSums {
 public:
  explicit WindowSums(size_t measures) : measures_(measures) {}

  // Begins a window; Add belongs to the last one.
  void BeginWindow();
  void Add(size_t measure, double sum, double weight);

  size_t measures() const { return measures_; }
  size_t windows() const { return measures_ == 0 ? 0 : sums_.size() / measures_; }
  double Weight(size_t measure) const;  // over all windows

 private:
  friend class WindowBootstrap;

  size_t measures_;
  std::vector<double> sums_;     // [windows][measures]
  std::vector<double> weights_;  // [windows][measures]
};

// Percentile intervals. The same draws serve all measures, so differences between measures have intervals too.
// `sums` must outlive it.
class WindowBootstrap {
 public:
  // The same seed gives the same draws everywhere. REQUIRES: resamples >= 1, at least one window.
  WindowBootstrap(const WindowSums& sums, int resamples, uint64_t seed);

  Estimate Of(size_t measure) const;
  Estimate Difference(size_t measure, size_t minus) const;

 private:
  // Ratios of all measures when window w is counted counts[w] times.
  std::vector<double> Ratios(const std::vector<uint32_t>& counts) const;

  const WindowSums& sums_;
  std::vector<double> values_;                // [measures]
  std::vector<std::vector<double>> samples_;  // [resamples][measures]
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_STATS_BOOTSTRAP_H_
