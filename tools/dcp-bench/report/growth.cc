#include "dcp-bench/report/growth.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/format.h"

namespace dcp::tools {
namespace {

using Points = std::vector<std::pair<double, double>>;  // tokens, milliseconds

double Mean(const Points& points, double std::pair<double, double>::*of) {
  double sum = 0;
  for (const auto& point : points) sum += point.*of;
  return sum / static_cast<double>(points.size());
}

// Least squares. REQUIRES: two different numbers of tokens.
Growth FitLine(Growth::Against against, const std::string& series, const Points& points) {
  using Point = std::pair<double, double>;
  const double mean_tokens = Mean(points, &Point::first);
  const double mean_ms = Mean(points, &Point::second);
  double covariance = 0, variance = 0;
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

std::string AtBatch(const BenchRow& row) { return ", batch " + std::to_string(row.batch); }

// Weight and KV types, where the run has several.
std::string Types(const BenchRun& run, const BenchRow& row) {
  std::set<WeightType> weights;
  std::set<KvType> kv;
  for (const BenchRow& other : run.rows) {
    weights.insert(other.weights);
    kv.insert(other.kv);
  }
  std::string types;
  if (weights.size() > 1) types += ", " + std::string(ToString(row.weights)) + " weights";
  if (kv.size() > 1) types += ", " + std::string(ToString(row.kv)) + " KV";
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
  std::vector<std::pair<Growth::Against, std::string>> order;
  std::map<std::pair<Growth::Against, std::string>, Points> series;
  const auto add = [&](Growth::Against against, const std::string& name, double tokens, const BenchRow& row) {
    const auto key = std::make_pair(against, name);
    if (series.count(key) == 0) order.push_back(key);
    series[key].emplace_back(tokens, row.ms_per_token_p50);
  };
  for (const BenchRow& row : run.rows) {
    add(Growth::Against::kContext, SeriesName(run, row) + AtBatch(row), row.context, row);
    if (!row.drawn.kept) continue;
    const std::string at_context = ", context " + std::to_string(row.context);
    add(Growth::Against::kKept, row.policy + Types(run, row) + AtBatch(row) + at_context, row.kept_tokens, row);
  }
  std::vector<Growth> lines;
  for (const auto& key : order) {
    if (Differ(series[key])) lines.push_back(FitLine(key.first, key.second, series[key]));
  }
  return lines;
}

}  // namespace dcp::tools
