#include "dcp-eval/recall/report.h"

#include <algorithm>
#include <functional>

#include "common/svg_plot.h"
#include "common/table.h"

namespace dcp::tools {
namespace {

// The row of the dense control that `row` is held against.
const RecallRow& DenseRow(const RecallResult& result, const RecallRow& row) {
  return *std::find_if(result.rows.begin(), result.rows.end(), [&](const RecallRow& other) {
    return other.series == 0 && other.kind == row.kind && other.distance == row.distance;
  });
}

TableRow Columns(const RecallResult& result, const RecallRow& row) {
  const RecallSeries& series = result.series[row.series];
  const RecallOutcome mean = row.Mean();
  TableRow columns;
  columns.Add("kind", ToString(row.kind));
  columns.Add("distance", row.distance).Show("distance");
  columns.Add("policy", series.policy).Add("name", series.name).Show("policy");
  columns.Add("model", series.model.model);
  if (!series.model.adapter.empty()) columns.AddJson("adapter", series.model.adapter);
  columns.Add("trials", row.trials.size());
  columns.AddMean("nll_gain", row.gain()).Show("gain (nats)", "%+.4f");
  columns.AddMean("lost", row.LostAgainst(DenseRow(result, row))).Show("lost against dense", "%+.4f");
  columns.Add("sparsity", mean.sparsity).Show("sparsity", "%.4f");
  columns.Add("nll_planted", mean.planted);
  if (row.kind == RecallKind::kPassage) columns.Show("NLL/token", "%.4f");
  columns.Add("nll_unplanted", mean.unplanted);
  if (row.kind == RecallKind::kFact) {
    columns.AddMean("accuracy", row.accuracy()).Show("accuracy", "%.3f");
    columns.Add("mean_rank", mean.rank).Show("mean rank", "%.2f");
  } else {
    columns.Add("nll_first", mean.first);
  }
  return columns;
}

using MakePoint = std::function<PlotPoint(const RecallRow&)>;

PlotPoint PointOf(const RecallRow& row, const MeanError& value) {
  const double error = value.error.value_or(0);
  return {static_cast<double>(row.distance), value.mean, value.mean - error, value.mean + error};
}

std::vector<PlotSeries> MakeSeries(const RecallResult& result, RecallKind kind, const MakePoint& point) {
  std::vector<PlotSeries> all;
  for (size_t i = 0; i < result.series.size(); ++i) {
    PlotSeries series{result.series[i].name, {}};
    for (const RecallRow& row : result.rows) {
      if (row.kind == kind && row.series == i) series.points.push_back(point(row));
    }
    if (!series.points.empty()) all.push_back(std::move(series));
  }
  return all;
}

}  // namespace

Json RecallDocument(const RecallOptions& options, const RecallResult& result) {
  std::vector<TableRow> rows;
  for (const RecallRow& row : result.rows) rows.push_back(Columns(result, row));
  return {{"trials", options.trials},
          {"candidates", options.shape.candidates},
          {"chance", 1.0 / static_cast<double>(options.shape.candidates)},
          {"lead", options.shape.lead},
          {"passage", options.shape.passage},
          {"seed", options.run.seed},
          {"rows", ToJson(rows)}};
}

std::string RecallTable(const RecallResult& result) {
  std::string table;
  for (const RecallKind kind : {RecallKind::kFact, RecallKind::kPassage}) {
    std::vector<const RecallRow*> of_kind;
    for (const RecallRow& row : result.rows) {
      if (row.kind == kind) of_kind.push_back(&row);
    }
    if (of_kind.empty()) continue;
    std::ranges::stable_sort(of_kind, {}, [](const RecallRow* row) { return row->distance; });
    std::vector<TableRow> rows;
    for (const RecallRow* row : of_kind) rows.push_back(Columns(result, *row));
    if (!table.empty()) table += "\n";
    table += kind == RecallKind::kFact ? "A name or number said before: gain in its NLL\n"
                                       : "A passage said before, word for word: gain in its NLL per token\n";
    table += ToText(rows);
  }
  return table;
}

std::string RecallSvg(const RecallOptions& options, const RecallResult& result) {
  const auto gain = [](const RecallRow& row) { return PointOf(row, row.gain()); };
  Plot plot;
  plot.title = "What is still known after a distance";
  plot.subtitle = std::to_string(options.trials) + " trials a point; bars are one standard error";
  const auto add = [&](const std::string& title, const std::string& label, RecallKind kind, const MakePoint& point) {
    PlotPanel panel{title, "distance (tokens)", label, true, true, MakeSeries(result, kind, point)};
    if (!panel.series.empty()) plot.panels.push_back(std::move(panel));
  };
  add("Right among " + std::to_string(options.shape.candidates) + " names or numbers", "accuracy (share)",
      RecallKind::kFact, [](const RecallRow& row) { return PointOf(row, row.accuracy()); });
  add("Gain for the name or number", "NLL not said before - said before (nats)", RecallKind::kFact, gain);
  add("Gain for a repeated passage", "NLL not said before - said before (nats/token)", RecallKind::kPassage, gain);
  return RenderSvg(plot);
}

}  // namespace dcp::tools
