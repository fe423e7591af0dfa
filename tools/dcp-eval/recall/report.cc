#include "dcp-eval/recall/report.h"

#include <algorithm>
#include <cstdio>
#include <functional>

#include "common/svg_plot.h"

namespace dcp::tools {
namespace {

// The row of the dense control that `row` is held against.
const RecallRow& DenseRow(const RecallResult& result, const RecallRow& row) {
  return *std::find_if(result.rows.begin(), result.rows.end(), [&](const RecallRow& other) {
    return other.series == 0 && other.kind == row.kind && other.distance == row.distance;
  });
}

Json RowDocument(const RecallResult& result, const RecallRow& row) {
  const RecallSeries& series = result.series[row.series];
  const RecallOutcome mean = row.Mean();
  Json document;
  document["kind"] = ToString(row.kind);
  document["distance"] = row.distance;
  document["policy"] = series.policy;
  document["name"] = series.name;
  document["model"] = series.model.model;
  if (!series.model.adapter.empty()) document["adapter"] = series.model.adapter;
  document["trials"] = row.trials.size();
  AddMean(document, "nll_gain", row.gain());
  AddMean(document, "lost", row.LostAgainst(DenseRow(result, row)));
  document["nll_planted"] = mean.planted;
  document["nll_unplanted"] = mean.unplanted;
  if (row.kind == RecallKind::kFact) {
    AddMean(document, "accuracy", row.accuracy());
    document["mean_rank"] = mean.rank;
  } else {
    document["nll_first"] = mean.first;
  }
  document["sparsity"] = mean.sparsity;
  return document;
}

std::string WithError(const MeanError& value, const char* format) {
  char text[64];
  std::snprintf(text, sizeof text, format, value.mean, value.error.value_or(0));
  return text;
}

std::string Line(const RecallResult& result, const RecallRow& row, int width) {
  const RecallOutcome mean = row.Mean();
  const std::string gain = WithError(row.gain(), "%+.4f +- %.4f");
  const std::string lost = WithError(row.LostAgainst(DenseRow(result, row)), "%+.4f +- %.4f");
  const bool fact = row.kind == RecallKind::kFact;
  const std::string accuracy = fact ? WithError(row.accuracy(), "%.3f +- %.3f") : "";
  char line[320];
  std::snprintf(line, sizeof line, "%8zu  %-*s  %18s  %18s  %8.4f", row.distance, width,
                result.series[row.series].name.c_str(), gain.c_str(), lost.c_str(), mean.sparsity);
  std::string text = line;
  std::snprintf(line, sizeof line, fact ? "  %15s  %9.2f" : "%s  %8.4f", accuracy.c_str(),
                fact ? mean.rank : mean.planted);
  return text + line + "\n";
}

std::string Heading(RecallKind kind, int width) {
  char line[320];
  std::snprintf(line, sizeof line, "%8s  %-*s  %18s  %18s  %8s", "distance", width, "policy", "gain (nats)",
                "lost against dense", "sparsity");
  return std::string(line) + (kind == RecallKind::kFact ? "         accuracy  mean rank\n" : "  NLL/token\n");
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
  Json document;
  document["trials"] = options.trials;
  document["candidates"] = options.candidates;
  document["chance"] = 1.0 / options.candidates;
  document["lead"] = options.lead;
  document["passage"] = options.passage;
  document["seed"] = options.run.seed;
  document["rows"] = Json::array();
  for (const RecallRow& row : result.rows) document["rows"].push_back(RowDocument(result, row));
  return document;
}

std::string RecallTable(const RecallResult& result) {
  size_t width = 6;
  for (const RecallSeries& series : result.series) width = std::max(width, series.name.size());
  std::string table;
  for (const RecallKind kind : {RecallKind::kFact, RecallKind::kPassage}) {
    std::vector<const RecallRow*> rows;
    for (const RecallRow& row : result.rows) {
      if (row.kind == kind) rows.push_back(&row);
    }
    if (rows.empty()) continue;
    std::stable_sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->distance < b->distance; });
    if (!table.empty()) table += "\n";
    table += kind == RecallKind::kFact ? "A name or number said before: gain in its NLL\n"
                                       : "A passage said before, word for word: gain in its NLL per token\n";
    table += Heading(kind, static_cast<int>(width));
    for (const RecallRow* row : rows) table += Line(result, *row, static_cast<int>(width));
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
  add("Right among " + std::to_string(options.candidates) + " names or numbers", "accuracy (share)", RecallKind::kFact,
      [](const RecallRow& row) { return PointOf(row, row.accuracy()); });
  add("Gain for the name or number", "NLL not said before - said before (nats)", RecallKind::kFact, gain);
  add("Gain for a repeated passage", "NLL not said before - said before (nats/token)", RecallKind::kPassage, gain);
  return RenderSvg(plot);
}

}  // namespace dcp::tools
