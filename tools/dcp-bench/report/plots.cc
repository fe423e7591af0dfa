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

PlotPoint Time(double x, const BenchRow& row) { return {x, row.ms_per_token_p50}; }

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
  constexpr char kContext[] = "context (tokens)", kTime[] = "ms for a token of each sequence";

  Plot plot;
  plot.title = "Decode of " + run.model + ", " + std::to_string(run.threads) + " threads";
  plot.subtitle = run.machine.cpu + ", " + run.machine.simd + "; medians of " + std::to_string(run.repeats) +
                  " repetitions, bars from slowest to fastest" + (run.loaded() ? "; MACHINE BUSY WITH OTHER WORK" : "");
  const auto add = [&plot](const std::string& title, const char* x, const char* y, std::vector<PlotSeries> series) {
    plot.panels.push_back({title, x, y, true, false, std::move(series)});
  };
  add("Speed" + at_batch, kContext, "tokens/s, all sequences", MakeSeries(run, largest_batch, [](const BenchRow& row) {
        const Spread& speed = row.decode_tokens_per_s;
        return PlotPoint{1.0 * row.context, speed.median, speed.min, speed.max};
      }));
  add("Memory of the KV cache" + at_batch, kContext, "reserved (MiB)",
      MakeSeries(run, largest_batch, [](const BenchRow& row) {
        return PlotPoint{1.0 * row.context, static_cast<double>(row.kv_bytes_reserved) / kMiB};
      }));
  if (!std::all_of(run.rows.begin(), run.rows.end(), largest_batch)) {
    add("Time per token" + at_context, "batch (sequences)", kTime,
        MakeSeries(run, longest_context, [](const BenchRow& row) { return Time(row.batch, row); }));
    plot.panels.back().x_doubles = true;
  }
  // Where numbers of kept tokens were asked for: time against context, and against them.
  PlotSeries by_kept{"learned, by kept tokens", {}};
  for (const BenchRow& row : run.rows) {
    const bool alike = row.weights == run.rows[0].weights && row.kv == run.rows[0].kv;
    if (row.drawn.kept && alike && largest_batch(row) && longest_context(row)) {
      by_kept.points.push_back(Time(row.kept_tokens, row));
    }
  }
  if (by_kept.points.empty()) return plot;
  add("Time per token" + at_batch, kContext, kTime,
      MakeSeries(run, largest_batch, [](const BenchRow& row) { return Time(row.context, row); }));
  add("Time per token" + at_batch + at_context, "kept tokens of a layer", kTime, {by_kept});
  return plot;
}

}  // namespace dcp::tools
