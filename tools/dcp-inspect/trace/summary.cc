#include "dcp-inspect/trace/summary.h"

#include <algorithm>
#include <cmath>

#include "common/measure.h"
#include "dcp/error.h"

namespace dcp::tools {
namespace {

void CheckLayer(const DropLog& layer, size_t tokens, int eviction_delay, const std::string& name) {
  const auto reject = [](const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); };
  if (layer.dropped_at.size() != tokens || layer.score.size() != tokens) {
    reject(name + ": " + std::to_string(layer.dropped_at.size()) + " entries of dropped_at and " +
           std::to_string(layer.score.size()) + " of dropped_by_score, for " + std::to_string(tokens) + " ids");
  }
  for (size_t j = 0; j < tokens; ++j) {
    const int64_t at = layer.dropped_at[j];
    const int64_t first = static_cast<int64_t>(j) + 1 + (std::isnan(layer.score[j]) ? 0 : eviction_delay);
    if (at == -1 || (at >= first && at < static_cast<int64_t>(tokens))) continue;
    const std::string range = std::to_string(first) + ".." + std::to_string(tokens - 1);
    reject(name + ": dropped_at[" + std::to_string(j) + "] is " + std::to_string(at) + ", expected -1 or " + range +
           (eviction_delay > 0 ? " (eviction_delay is " + std::to_string(eviction_delay) + ")" : ""));
  }
}

}  // namespace

size_t Lifetime(const DropLog& layer, size_t position) {
  const int32_t by = layer.dropped_at[position];
  return (by < 0 ? layer.dropped_at.size() : static_cast<size_t>(by)) - position;
}

int32_t DroppedBy(const DropLog& layer, size_t position, int eviction_delay) {
  const int32_t at = layer.dropped_at[position];
  return at < 0 || std::isnan(layer.score[position]) ? at : at - eviction_delay;
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
  std::vector<double> share(trace.tokens(), 0.0);
  for (const DropLog& layer : trace.layers) {
    for (size_t j = 0; j < share.size(); ++j) share[j] += layer.dropped_at[j] >= 0;
  }
  for (double& value : share) value /= static_cast<double>(std::max<size_t>(1, trace.layers.size()));
  return share;
}

void CheckTrace(const DropTrace& trace, const std::string& source) {
  if (trace.ids.empty()) throw Error(ErrorCode::kInvalidArgument, source + ": holds no tokens");
  if (trace.layers.empty()) throw Error(ErrorCode::kInvalidArgument, source + ": holds no layers");
  if (!trace.bytes.empty() && trace.bytes.size() != trace.ids.size()) {
    throw Error(ErrorCode::kInvalidArgument, source + ": " + std::to_string(trace.bytes.size()) + " tokens for " +
                                                 std::to_string(trace.ids.size()) + " ids");
  }
  for (const TokenId id : trace.ids) {
    if (id < 0) throw Error(ErrorCode::kInvalidArgument, source + ": ids holds " + std::to_string(id));
  }
  for (size_t l = 0; l < trace.layers.size(); ++l) {
    CheckLayer(trace.layers[l], trace.tokens(), trace.eviction_delay, source + ": layers[" + std::to_string(l) + "]");
  }
}

}  // namespace dcp::tools
