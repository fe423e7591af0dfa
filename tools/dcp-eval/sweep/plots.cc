// The plots of a sweep.
#include <algorithm>
#include <set>
#include <string>

#include "common/format.h"
#include "dcp-eval/sweep/report.h"

namespace dcp::tools {
namespace {

using Role = SweepJob::Role;

std::string NameOf(const ModelEntry& model) {
  return model.gamma ? Format("gamma %g", *model.gamma) : ShortName(model);
}

std::string Kind(const std::string& policy) { return policy.substr(0, policy.find_first_of(":(")); }

// What the rows of one line have in common. Learned rows that differ in model and in threshold are a line per model:
// how each one answers to the threshold.
class LineNamer {
 public:
  explicit LineNamer(const SweepResult& result) : control_(result.rows[0].job.model) {
    for (const SweepRow& row : result.rows) {
      if (row.job.role != Role::kLearned) continue;
      models_.insert(NameOf(row.job.model));
      thresholds_.insert(row.job.policy.threshold);
    }
  }

  std::string operator()(const SweepRow& row) const {
    const std::string kind = Kind(row.policy);
    if (row.job.role == Role::kLearned) {
      return models_.size() > 1 && thresholds_.size() > 1 ? kind + ", " + NameOf(row.job.model) : kind;
    }
    return row.job.model.SameModel(control_) ? kind : kind + " on " + NameOf(row.job.model);
  }

 private:
  const ModelEntry control_;
  std::set<std::string> models_;
  std::set<float> thresholds_;
};

PlotPoint MakePoint(double x, const Estimate& y) {
  return y.has_interval() ? PlotPoint{x, y.value, y.low, y.high} : PlotPoint{x, y.value};
}

using PointOf = PlotPoint (*)(const SweepRow& row);

PlotPoint PerplexityPoint(const SweepRow& row) { return MakePoint(row.report.sparsity, row.perplexity); }

PlotPoint RatioPoint(const SweepRow& row) { return MakePoint(row.report.sparsity, row.ratio); }

// The dense control is a level line as far as the others reach, which join points by growing sparsity.
std::vector<PlotSeries> LinesOf(const SweepResult& result, PointOf point) {
  const LineNamer name(result);
  const double floor = point(result.rows[0]).y;
  double most_sparse = 0;
  std::vector<PlotSeries> lines = {{"dense", {}}};
  for (const SweepRow& row : result.rows) {
    if (row.job.role == Role::kControl) continue;
    most_sparse = std::max(most_sparse, row.report.sparsity);
    auto line = std::find_if(lines.begin(), lines.end(), [&](const PlotSeries& s) { return s.name == name(row); });
    if (line == lines.end()) line = lines.insert(lines.end(), {name(row), {}});
    line->points.push_back(point(row));
  }
  lines[0].points = {{0, floor}, {most_sparse, floor}};
  for (PlotSeries& line : lines) {
    std::sort(line.points.begin(), line.points.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
  }
  return lines;
}

std::string Subtitle(const SweepResult& result) {
  const PerplexityReport& control = result.rows[0].report;
  return std::to_string(control.tokens) + " tokens of " + std::to_string(control.documents) + " documents, context " +
         std::to_string(result.shape.context) + ", stride " + std::to_string(result.shape.stride) +
         (result.complete ? "" : "; NOT ALL ROWS WERE MEASURED");
}

std::string RowName(const SweepRow& row, const ModelEntry& control) {
  return row.job.model.SameModel(control) ? row.policy : row.policy + ", " + NameOf(row.job.model);
}

}  // namespace

Plot PlotSweep(const SweepResult& result) {
  Plot plot;
  plot.title = "What pruning costs";
  plot.subtitle = Subtitle(result);
  const std::string sparsity = "sparsity at the last token of a window";
  const std::string intervals = result.rows[0].perplexity.has_interval() ? ", 95 % intervals" : "";
  plot.panels.push_back(
      {"Perplexity" + intervals, sparsity, "perplexity", false, false, LinesOf(result, PerplexityPoint)});
  plot.panels.push_back({"Beside dense, text by text" + intervals, sparsity, "ratio to the dense control", false, false,
                         LinesOf(result, RatioPoint)});
  return plot;
}

Plot PlotPositions(const SweepResult& result) {
  const SweepRow& control = result.rows[0];
  std::vector<PlotSeries> perplexities, ratios;
  for (const SweepRow& row : result.rows) {
    PlotSeries perplexity{RowName(row, control.job.model), {}};
    PlotSeries ratio = perplexity;
    for (size_t i = 0; i < result.buckets.size(); ++i) {
      const double middle = 0.5 * static_cast<double>(result.buckets[i].from + result.buckets[i].to);
      const double value = PerplexityOf(row.positions[i]);
      perplexity.points.push_back({middle, value});
      ratio.points.push_back({middle, value / PerplexityOf(control.positions[i])});
    }
    perplexities.push_back(std::move(perplexity));
    ratios.push_back(std::move(ratio));
  }
  Plot plot;
  plot.title = "Does pruning hurt far from the start?";
  plot.subtitle = Subtitle(result);
  const std::string position = "tokens before the predicting one";
  plot.panels.push_back({"Perplexity by position", position, "perplexity", false, false, std::move(perplexities)});
  plot.panels.push_back({"Beside dense", position, "ratio to the dense control", false, false, std::move(ratios)});
  return plot;
}

}  // namespace dcp::tools
