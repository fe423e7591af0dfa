#include "dcp-bench/plots.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <set>

namespace dcp::tools {
namespace {

constexpr double kMiB = 1024 * 1024;

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %%", 100 * share);
  return text;
}

// Names what differs between the lines of one plot, and nothing else.
class Namer {
 public:
  explicit Namer(const BenchRun& run) {
    for (const BenchRow& row : run.rows) {
      weights_.insert(row.weights);
      kv_.insert(row.kv);
    }
  }

  std::string operator()(const BenchRow& row) const {
    std::string name = row.policy;
    if (row.drawn_sparsity) name += ", " + Percent(*row.drawn_sparsity) + " dropped";
    if (weights_.size() > 1) name += ", " + std::string(ToString(row.weights)) + " weights";
    if (kv_.size() > 1) name += ", " + std::string(ToString(row.kv)) + " KV";
    return name;
  }

 private:
  std::set<WeightType> weights_;
  std::set<KvType> kv_;
};

using Choose = std::function<bool(const BenchRow&)>;
using MakePoint = std::function<PlotPoint(const BenchRow&)>;

std::vector<PlotSeries> MakeSeries(const BenchRun& run, const Choose& chosen, const MakePoint& point) {
  const Namer name(run);
  std::vector<PlotSeries> all;
  for (const BenchRow& row : run.rows) {
    if (!chosen(row)) continue;
    auto series = std::find_if(all.begin(), all.end(), [&](const PlotSeries& s) { return s.name == name(row); });
    if (series == all.end()) series = all.insert(all.end(), {name(row), {}});
    series->points.push_back(point(row));
  }
  return all;
}

}  // namespace

Plot PlotRun(const BenchRun& run) {
  int batch = 0, context = 0;
  for (const BenchRow& row : run.rows) {
    batch = std::max(batch, row.batch);
    context = std::max(context, row.context);
  }
  const Choose largest_batch = [batch](const BenchRow& row) { return row.batch == batch; };
  const Choose longest_context = [context](const BenchRow& row) { return row.context == context; };
  const std::string at_batch = ", batch " + std::to_string(batch);
  const std::string at_context = ", context " + std::to_string(context);

  Plot plot;
  plot.title = "Decode of " + run.model + ", " + std::to_string(run.threads) + " threads";
  plot.subtitle = run.machine.cpu + ", " + run.machine.simd + "; medians of " + std::to_string(run.repeats) +
                  " repetitions, bars from slowest to fastest" + (run.loaded() ? "; MACHINE BUSY WITH OTHER WORK" : "");
  plot.panels.push_back({"Speed" + at_batch, "context (tokens)", "tokens/s, all sequences", true, false,
                         MakeSeries(run, largest_batch, [](const BenchRow& row) {
                           return PlotPoint{1.0 * row.context, row.decode_tokens_per_s, row.decode_tokens_per_s_min,
                                            row.decode_tokens_per_s_max};
                         })});
  plot.panels.push_back({"Memory of the KV cache" + at_batch, "context (tokens)", "reserved (MiB)", true, false,
                         MakeSeries(run, largest_batch, [](const BenchRow& row) {
                           return PlotPoint{1.0 * row.context, row.kv_bytes_reserved / kMiB};
                         })});
  plot.panels.push_back({"Time per token" + at_context, "batch (sequences)", "ms for a token of each sequence", true,
                         true, MakeSeries(run, longest_context, [](const BenchRow& row) {
                           return PlotPoint{1.0 * row.batch, row.ms_per_token_p50};
                         })});
  return plot;
}

}  // namespace dcp::tools
