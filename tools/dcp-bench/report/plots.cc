#include "dcp-bench/report/plots.h"

#include <algorithm>
#include <functional>

#include "dcp-bench/report/growth.h"

namespace dcp::tools {
namespace {

constexpr double kMiB = 1024 * 1024;

using Choose = std::function<bool(const BenchRow&)>;
using MakePoint = std::function<PlotPoint(const BenchRow&)>;

std::vector<PlotSeries> MakeSeries(const BenchRun& run, const Choose& chosen, const MakePoint& point) {
  const auto name = [&run](const BenchRow& row) { return SeriesName(run, row); };
  std::vector<PlotSeries> all;
  for (const BenchRow& row : run.rows) {
    if (!chosen(row)) continue;
    auto series = std::find_if(all.begin(), all.end(), [&](const PlotSeries& s) { return s.name == name(row); });
    if (series == all.end()) series = all.insert(all.end(), {name(row), {}});
    series->points.push_back(point(row));
  }
  return all;
}

// Where numbers of kept tokens were asked for: time against context, and against them.
void AddGrowthPanels(const BenchRun& run, int batch, int context, Plot& plot) {
  constexpr char kTime[] = "ms for a token of each sequence";
  const std::string at_batch = ", batch " + std::to_string(batch);
  plot.panels.push_back({"Time per token" + at_batch, "context (tokens)", kTime, true, false,
                         MakeSeries(
                             run, [batch](const BenchRow& row) { return row.batch == batch; },
                             [](const BenchRow& row) {
                               return PlotPoint{1.0 * row.context, row.ms_per_token_p50};
                             })});
  PlotSeries by_kept{"learned, by kept tokens", {}};
  for (const BenchRow& row : run.rows) {
    if (row.drawn.kept && row.batch == batch && row.context == context && row.weights == run.rows[0].weights &&
        row.kv == run.rows[0].kv) {
      by_kept.points.push_back({row.kept_tokens, row.ms_per_token_p50});
    }
  }
  plot.panels.push_back({"Time per token" + at_batch + ", context " + std::to_string(context),
                         "kept tokens of a layer",
                         kTime,
                         true,
                         false,
                         {by_kept}});
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
                           return PlotPoint{1.0 * row.context, row.decode_tokens_per_s.median,
                                            row.decode_tokens_per_s.min, row.decode_tokens_per_s.max};
                         })});
  plot.panels.push_back({"Memory of the KV cache" + at_batch, "context (tokens)", "reserved (MiB)", true, false,
                         MakeSeries(run, largest_batch, [](const BenchRow& row) {
                           return PlotPoint{1.0 * row.context, static_cast<double>(row.kv_bytes_reserved) / kMiB};
                         })});
  const bool batches =
      std::any_of(run.rows.begin(), run.rows.end(), [&](const BenchRow& row) { return row.batch != batch; });
  if (batches) {
    plot.panels.push_back({"Time per token" + at_context, "batch (sequences)", "ms for a token of each sequence", true,
                           true, MakeSeries(run, longest_context, [](const BenchRow& row) {
                             return PlotPoint{1.0 * row.batch, row.ms_per_token_p50};
                           })});
  }
  const bool kept = std::any_of(run.rows.begin(), run.rows.end(), [](const BenchRow& row) { return row.drawn.kept; });
  if (kept) AddGrowthPanels(run, batch, context, plot);
  return plot;
}

}  // namespace dcp::tools
