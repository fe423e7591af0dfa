#include "dcp-inspect/stats/charts.h"

#include <algorithm>
#include <cmath>

#include "common/format.h"
#include "common/svg_plot.h"
#include "support/escape.h"

namespace dcp::tools {
namespace {

constexpr double kWidth = 1000;    // pixels
constexpr double kLabels = 132;    // names of the categories
constexpr size_t kLooks = 4;       // of lines, in svg_sheet.cc
constexpr double kFewTokens = 30;  // groups with fewer say nothing

SvgAttributes Anchor(const char* where) { return {{"text-anchor", where}}; }

// --- Survival --------------------------------------------------------------------------------------------------------

constexpr double kSurvivalHeight = 340;
constexpr double kPlotLeft = 60;
constexpr double kPlotRight = 110;
constexpr double kPlotBottom = 40;

double SurvivalX(const CorpusStats& stats, double age) {
  const double span = std::log2(static_cast<double>(stats.horizon));
  return kPlotLeft + (kWidth - kPlotLeft - kPlotRight) * (span > 0 ? std::log2(age) / span : 0);
}

double SurvivalY(double share) { return 14 + (kSurvivalHeight - kPlotBottom - 14) * (1 - share); }

void DrawSurvivalAxes(const CorpusStats& stats, SvgDrawing& sheet) {
  for (int tick = 0; tick <= 4; ++tick) {
    const double y = SurvivalY(tick / 4.0);
    sheet.Line(kPlotLeft, y, kWidth - kPlotRight, y, Class("grid"));
    sheet.Text(kPlotLeft - 8, y + 4, Class("small", Anchor("end")), Format("%d %%", 25 * tick));
  }
  for (const size_t age : stats.ages) {
    sheet.Text(SurvivalX(stats, static_cast<double>(age)), kSurvivalHeight - kPlotBottom + 18,
               Class("small", Anchor("middle")), std::to_string(age));
  }
  sheet.Text(kPlotLeft, kSurvivalHeight - 6, Class("small"), "tokens read since");
}

void DrawSurvivalLine(const CorpusStats& stats, size_t row, SvgDrawing& sheet) {
  std::string line;
  std::string upper;
  std::string lower;
  for (size_t i = 0; i < stats.ages.size(); ++i) {
    const Estimate& share = stats.layers[row].survival[i];
    if (std::isnan(share.value)) return;
    const double x = SurvivalX(stats, static_cast<double>(stats.ages[i]));
    line += Format("%s%.1f %.1f", i == 0 ? "M" : "L", x, SurvivalY(share.value));
    upper += Format("%s%.1f %.1f", i == 0 ? "M" : "L", x, SurvivalY(share.high));
    lower = Format("L%.1f %.1f", x, SurvivalY(share.low)) + lower;
  }
  const std::string look = std::to_string(row % kLooks);
  sheet.Path(upper + lower + "z", Class("band band" + look));
  sheet.Path(line, Class("line line" + look));
}

StatsChart SurvivalChart(const CorpusStats& stats) {
  StatsChart chart{"How long tokens stay",
                   "Share of the tokens that a layer still holds so many tokens later, with 95 % intervals.",
                   {},
                   kWidth,
                   kSurvivalHeight};
  DrawSurvivalAxes(stats, chart.sheet);
  std::vector<std::pair<double, size_t>> ends;
  for (size_t row = 0; row + 1 < stats.layers.size(); ++row) {
    DrawSurvivalLine(stats, row, chart.sheet);
    ends.emplace_back(SurvivalY(stats.layers[row].survival.back().value), row);
  }
  // Names at the ends of the lines, moved apart from below.
  std::sort(ends.rbegin(), ends.rend());
  double free = kSurvivalHeight;
  for (const auto& [y, row] : ends) {
    free = std::min(free - 14, y + 4);
    chart.sheet.Text(kWidth - kPlotRight + 8, free, Class("small"), RowName(stats, row));
  }
  return chart;
}

// --- Dots with whiskers: a row for each category, a panel for each layer ---------------------------------------------

constexpr double kRow = 24;
constexpr double kPanelGap = 16;
constexpr size_t kPanelsInRow = 7;

struct Dots {
  std::vector<std::string> names;           // [categories]
  std::vector<std::vector<Estimate>> rows;  // [panels][categories]
  std::vector<Estimate> means;              // [panels] a dashed line; empty: none
  std::string unit;
};

double Largest(const Dots& dots) {
  double largest = 0;
  for (const auto& row : dots.rows) {
    for (const Estimate& estimate : row) {
      if (!std::isnan(estimate.value)) largest = std::max(largest, estimate.high);
    }
  }
  return largest > 0 ? largest : 1;
}

void DrawPanel(const CorpusStats& stats, const Dots& dots, size_t panel, double left, double top, double width,
               SvgDrawing& sheet) {
  const double most = 1.04 * Largest(dots);
  std::vector<double> ticks = RoundTicks(0, most, 3);
  while (ticks.back() > most) ticks.pop_back();
  const auto x = [&](double value) { return left + width * value / most; };
  const double bottom = top + 22 + kRow * static_cast<double>(dots.names.size());
  sheet.Text(left, top + 10, Class("strong"), RowName(stats, panel));
  for (const double tick : ticks) {
    sheet.Line(x(tick), top + 18, x(tick), bottom, Class("grid"));
    sheet.Text(x(tick), bottom + 15,
               Class("small", tick == 0              ? SvgAttributes()
                              : tick == ticks.back() ? Anchor("end")
                                                     : Anchor("middle")),
               Format("%g", tick));
  }
  const double mean = dots.means.empty() ? std::nan("") : dots.means[panel].value;
  if (!std::isnan(mean)) sheet.Line(x(mean), top + 18, x(mean), bottom, Class("mean"));
  for (size_t i = 0; i < dots.names.size(); ++i) {
    const Estimate& estimate = dots.rows[panel][i];
    if (std::isnan(estimate.value)) continue;
    const double y = top + 18 + kRow * (static_cast<double>(i) + 0.5);
    sheet.Line(x(estimate.low), y, x(estimate.high), y, Class("whisker"));
    sheet.Circle(x(estimate.value), y, 4, Class("dot"));
  }
}

StatsChart DotChart(const CorpusStats& stats, const Dots& dots, std::string title, std::string note) {
  StatsChart chart{std::move(title), std::move(note), {}, kWidth, 0};
  const size_t panels = dots.rows.size();
  const size_t in_row = std::min(panels, kPanelsInRow);
  const double width = (kWidth - kLabels) / static_cast<double>(in_row) - kPanelGap;
  const double height = 22 + kRow * static_cast<double>(dots.names.size()) + 36;
  for (size_t panel = 0; panel < panels; ++panel) {
    const double top = height * static_cast<double>(panel / in_row);
    const double left = kLabels + (width + kPanelGap) * static_cast<double>(panel % in_row);
    DrawPanel(stats, dots, panel, left, top, width, chart.sheet);
    if (panel % in_row != 0) continue;
    for (size_t i = 0; i < dots.names.size(); ++i) {
      chart.sheet.Text(kLabels - 12, top + 18 + kRow * (static_cast<double>(i) + 0.5) + 4, Class("soft", Anchor("end")),
                       dots.names[i]);
    }
    chart.sheet.Text(kLabels - 12, top + height - 21, Class("small", Anchor("end")), dots.unit);
  }
  chart.height = height * static_cast<double>((panels + in_row - 1) / in_row);
  return chart;
}

// Estimates of one kind of groups, `of` a layer and the number of the group; groups that are rare in the corpus are
// left out.
template <typename Of>
Dots DotsOf(const CorpusStats& stats, const std::vector<GroupStats> LayerStats::*groups, std::string unit, Of of) {
  Dots dots{{}, std::vector<std::vector<Estimate>>(stats.layers.size()), {}, std::move(unit)};
  const std::vector<GroupStats>& counted = stats.layers.front().*groups;  // counts of one layer are those of any
  for (size_t i = 0; i < counted.size(); ++i) {
    if (counted[i].tokens < kFewTokens) continue;
    dots.names.push_back(counted[i].name);
    for (size_t row = 0; row < stats.layers.size(); ++row) dots.rows[row].push_back(of(stats.layers[row], i));
  }
  return dots;
}

Dots LifetimeDots(const CorpusStats& stats, const std::vector<GroupStats> LayerStats::*groups) {
  Dots dots =
      DotsOf(stats, groups, "tokens", [=](const LayerStats& layer, size_t i) { return (layer.*groups)[i].lifetime; });
  for (const LayerStats& layer : stats.layers) dots.means.push_back(layer.all.lifetime);
  return dots;
}

Dots DropperDots(const CorpusStats& stats) {
  return DotsOf(stats, &LayerStats::classes, "drops a token",
                [](const LayerStats& layer, size_t i) { return layer.droppers[i].per_token; });
}

}  // namespace

std::vector<StatsChart> StatsCharts(const CorpusStats& stats) {
  const std::string lifetime = "Mean lifetime within the horizon; dashed: of all tokens of the layer. ";
  return {SurvivalChart(stats),
          DotChart(stats, LifetimeDots(stats, &LayerStats::classes), "Lifetime by kind of token",
                   lifetime + "Bars are 95 % intervals over windows."),
          DotChart(stats, LifetimeDots(stats, &LayerStats::deciles), "Lifetime by frequency of the word",
                   lifetime + "Tenths of the running text: 1 holds the most frequent words, 10 the rarest."),
          DotChart(stats, LifetimeDots(stats, &LayerStats::positions), "Lifetime by position in the window",
                   lifetime + "Positions count from the beginning of the window."),
          DotChart(stats, DropperDots(stats), "Which tokens do the dropping",
                   "Drops that one token of each kind makes when it is read.")};
}

std::string StatsPicture(const CorpusReport& report) {
  SvgDrawing sheet;
  sheet.Text(24, 36, Class("title"), "What the layers forget");
  sheet.Text(24, 58, Class("soft"), Summary(report));
  double y = 84;
  for (const StatsChart& chart : StatsCharts(report.stats)) {
    sheet.Text(24, y + 16, Class("title"), chart.title);
    sheet.Text(24, y + 36, Class("soft"), chart.note);
    sheet.Group(24, y + 54, chart.sheet);
    y += 54 + chart.height + 32;
  }
  return SvgFile(sheet, kWidth + 48, y, "Statistics of what each layer drops");
}

std::string StatsSections(const CorpusReport& report) {
  std::string sections;
  for (const StatsChart& chart : StatsCharts(report.stats)) {
    sections += "<section>\n<h2>" + EscapeHtml(chart.title) + "</h2>\n<p class=\"note\">" + EscapeHtml(chart.note) +
                "</p>\n<div class=\"scroll\">" + InlineSvg(chart.sheet, chart.width, chart.height, chart.title) +
                "</div>\n</section>\n";
  }
  return sections;
}

}  // namespace dcp::tools
