// What windows of text add to many measures, and their means with confidence intervals: windows are drawn again.
#ifndef DCP_TOOLS_DCP_INSPECT_STATS_BOOTSTRAP_H_
#define DCP_TOOLS_DCP_INSPECT_STATS_BOOTSTRAP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/bootstrap.h"

namespace dcp::tools {

// What each window adds to each measure.
class WindowSums {
 public:
  explicit WindowSums(size_t measures) : sums_(measures) {}

  // Begins a window; Add belongs to the last one.
  void BeginWindow() {
    for (auto& windows : sums_) windows.emplace_back();
  }
  void Add(size_t measure, double sum, double weight) { sums_[measure].back().Add(sum, weight); }

  size_t windows() const { return sums_.empty() ? 0 : sums_[0].size(); }
  const std::vector<Ratio>& Of(size_t measure) const { return sums_[measure]; }  // [windows]
  double Weight(size_t measure) const;                                           // over all windows

 private:
  std::vector<std::vector<Ratio>> sums_;  // [measures][windows]
};

// `sums` must outlive it.
class WindowBootstrap {
 public:
  // REQUIRES: resamples >= 1, at least one window.
  WindowBootstrap(const WindowSums& sums, int resamples, uint64_t seed)
      : sums_(sums), bootstrap_(sums.windows(), static_cast<size_t>(resamples), seed) {}

  Estimate Of(size_t measure) const { return bootstrap_.Of(sums_.Of(measure)); }
  Estimate Difference(size_t measure, size_t minus) const {
    return bootstrap_.Difference(sums_.Of(measure), sums_.Of(minus));
  }

 private:
  const WindowSums& sums_;
  Bootstrap bootstrap_;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_STATS_BOOTSTRAP_H_
