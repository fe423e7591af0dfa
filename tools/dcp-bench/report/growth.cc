#include "dcp-bench/report/growth.h"

#include <algorithm>
#include <utility>

#include "common/format.h"

namespace dcp::tools {
namespace {

using Points = std::vector<std::pair<double, double>>;  // tokens, milliseconds

// Least squares. REQUIRES: two different numbers of tokens.
Growth FitLine(Growth::Against against, const std::string& series, const Points& points) {
  const double count = static_cast<double>(points.size());
  double mean_tokens = 0, mean_ms = 0, covariance = 0, variance = 0;
  for (const auto& [tokens, ms] : points) {
    mean_tokens += tokens / count;
    mean_ms += ms / count;
  }
  for (const auto& [tokens, ms] : points) {
    covariance += (tokens - mean_tokens) * (ms - mean_ms);
    variance += (tokens - mean_tokens) * (tokens - mean_tokens);
  }
  const auto [first, last] = std::minmax_element(points.begin(), points.end());
  const double slope = covariance / variance;
  return {against,
          series,
          static_cast<int>(points.size()),
          first->first,
          last->first,
          1e3 * slope,
          mean_ms + slope * (first->first - mean_tokens)};
}

bool Differ(const Points& points) {
  return std::any_of(points.begin(), points.end(), [&](const auto& p) { return p.first != points[0].first; });
}

// Weight and KV types, where the run has several.
std::string Types(const BenchRun& run, const BenchRow& row) {
  const auto several = [&run, &row](auto BenchRow::*type) {
    return std::any_of(run.rows.begin(), run.rows.end(), [&](const BenchRow& r) { return r.*type != row.*type; });
  };
  std::string types;
  if (several(&BenchRow::weights)) types += ", " + std::string(ToString(row.weights)) + " weights";
  if (several(&BenchRow::kv)) types += ", " + std::string(ToString(row.kv)) + " KV";
  return types;
}

}  // namespace

std::string SeriesName(const BenchRun& run, const BenchRow& row) {
  std::string name = row.policy;
  if (row.drawn.sparsity) name += ", " + Format("%.3g %%", 100 * *row.drawn.sparsity) + " dropped";
  if (row.drawn.kept) name += ", " + std::to_string(*row.drawn.kept) + " kept";
  return name + Types(run, row);
}

std::vector<Growth> FitGrowth(const BenchRun& run) {
  struct Series {
    Growth::Against against;
    std::string name;
    Points points;
  };
  std::vector<Series> all;
  const auto add = [&](Growth::Against against, const std::string& name, double tokens, const BenchRow& row) {
    const auto same = [&](const Series& series) { return series.against == against && series.name == name; };
    auto series = std::find_if(all.begin(), all.end(), same);
    if (series == all.end()) series = all.insert(series, {against, name, {}});
    series->points.emplace_back(tokens, row.ms_per_token_p50);
  };
  for (const BenchRow& row : run.rows) {
    const std::string at_batch = ", batch " + std::to_string(row.batch);
    add(Growth::Against::kContext, SeriesName(run, row) + at_batch, row.context, row);
    if (!row.drawn.kept) continue;
    add(Growth::Against::kKept, row.policy + Types(run, row) + at_batch + ", context " + std::to_string(row.context),
        row.kept_tokens, row);
  }
  std::vector<Growth> lines;
  for (const Series& series : all) {
    if (Differ(series.points)) lines.push_back(FitLine(series.against, series.name, series.points));
  }
  return lines;
}

}  // namespace dcp::tools
