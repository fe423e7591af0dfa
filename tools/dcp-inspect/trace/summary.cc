#include "dcp-inspect/trace/summary.h"

#include <algorithm>

#include "common/measure.h"

namespace dcp::tools {
size_t Lifetime(const DropLog& layer, size_t position) {
  const int32_t by = layer.dropped_at[position];
  return (by < 0 ? layer.dropped_at.size() : static_cast<size_t>(by)) - position;
}

LayerSummary Summarize(const DropLog& layer) {
  LayerSummary summary;
  const size_t tokens = layer.dropped_at.size();
  std::vector<double> lifetimes;
  for (size_t j = 0; j < tokens; ++j) {
    lifetimes.push_back(static_cast<double>(Lifetime(layer, j)));
    summary.mean_lifetime += lifetimes.back() / static_cast<double>(tokens);
    if (layer.dropped_at[j] < 0) ++summary.kept;
  }
  summary.median_lifetime = Quantile(std::move(lifetimes), 0.5);
  if (tokens > 1) summary.sparsity = static_cast<double>(tokens - summary.kept) / static_cast<double>(tokens - 1);
  return summary;
}

LayerSummary SummarizeAll(const DropTrace& trace) {
  LayerSummary all;
  const auto layers = static_cast<double>(trace.layers.size());
  for (const DropLog& layer : trace.layers) {
    const LayerSummary one = Summarize(layer);
    all.kept += one.kept;
    all.sparsity += one.sparsity / layers;
    all.mean_lifetime += one.mean_lifetime / layers;
    all.median_lifetime += one.median_lifetime / layers;
  }
  return all;
}

std::vector<double> DroppedShare(const DropTrace& trace) {
  std::vector<double> share(trace.size(), 0.0);
  for (const DropLog& layer : trace.layers) {
    for (size_t j = 0; j < share.size(); ++j) share[j] += layer.dropped_at[j] >= 0;
  }
  for (double& value : share) value /= static_cast<double>(std::max<size_t>(1, trace.layers.size()));
  return share;
}

}  // namespace dcp::tools
