#include "common/svg_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "common/format.h"
#include "common/svg.h"

namespace dcp::tools {
namespace {

// Okabe and Ito's colours that show on white, darkest differences first.
constexpr std::array<const char*, 7> kColors = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                "#e69f00", "#56b4e9", "#444444"};
constexpr int kMarkers = 4;

// Pixels.
constexpr double kPanelWidth = 400;
constexpr double kPanelHeight = 310;
constexpr double kLeft = 72;  // room for the y axis
constexpr double kRight = 24;
constexpr double kTop = 34;
constexpr double kBottom = 54;
constexpr double kHead = 64;
constexpr double kLegendRow = 22;
constexpr double kLetter = 7;  // width of a letter of the legend, on the wide side

constexpr char kInk[] = "#222222";
constexpr char kSoft[] = "#444444";

SvgAttributes Fill(const char* color) { return {{"fill", color}}; }

SvgAttributes With(SvgAttributes attributes, const SvgAttributes& more) {
  attributes.insert(attributes.end(), more.begin(), more.end());
  return attributes;
}

SvgAttributes Anchored(const char* where, const char* color) { return {{"text-anchor", where}, {"fill", color}}; }

SvgAttributes Stroke(const char* color, const char* width) { return {{"stroke", color}, {"stroke-width", width}}; }

void DrawMarker(int shape, double x, double y, const char* color, SvgDrawing& svg) {
  const SvgAttributes fill = Fill(color);
  if (shape == 0) return svg.Circle(x, y, 4, fill);
  if (shape == 1) return svg.Rect(x - 3.5, y - 3.5, 7, 7, fill);
  svg.Path(Format(shape == 2 ? "M%.1f %.1fl4.5 8h-9z" : "M%.1f %.1fl5 5l-5 5l-5 -5z", x, y - 5), fill);
}

// How the series number `index` looks.
struct Look {
  explicit Look(size_t index)
      : color(kColors[index % kColors.size()]),
        marker(static_cast<int>(index) % kMarkers),
        line(With({{"fill", "none"}}, Stroke(color, "2"))) {
    if (index >= kColors.size()) line.emplace_back("stroke-dasharray", "6 4");
  }
  const char* color;
  int marker;
  SvgAttributes line;
};

bool Drawable(const PlotPoint& point) { return std::isfinite(point.x) && std::isfinite(point.y); }

bool HasSpread(const PlotPoint& point) {
  return std::isfinite(point.low) && std::isfinite(point.high) && point.low < point.high;
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void Add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

std::vector<double> DoublingTicks(const Range& range) {
  std::vector<double> ticks;
  const double last = std::max(std::ceil(std::log2(range.high)), std::floor(std::log2(range.low)) + 1);
  for (double power = std::floor(std::log2(range.low)); power <= last; ++power) ticks.push_back(std::exp2(power));
  return ticks;
}

// A panel's axes: where values lie in the picture.
class Axes {
 public:
  Axes(const PlotPanel& panel, double left, double top) : left_(left + kLeft), top_(top + kTop), log_(panel.x_doubles) {
    Range x, y;
    for (const PlotSeries& series : panel.series) {
      for (const PlotPoint& point : series.points) {
        if (!Drawable(point)) continue;
        x.Add(point.x);
        y.Add(point.y);
        if (HasSpread(point)) {
          y.Add(point.low);
          y.Add(point.high);
        }
      }
    }
    if (x.low > x.high) x = y = {1, 2};  // nothing to draw
    if (panel.y_from_zero) y.Add(0);
    x_ticks = log_ ? DoublingTicks(x) : RoundTicks(x.low, x.high, 5);
    y_ticks = RoundTicks(y.low, y.high, 5);
  }

  double X(double value) const {
    const auto scale = [this](double v) { return log_ ? std::log2(v) : v; };
    const double first = scale(x_ticks.front());
    return left_ + (scale(value) - first) / (scale(x_ticks.back()) - first) * width();
  }
  double Y(double value) const {
    return bottom() - (value - y_ticks.front()) / (y_ticks.back() - y_ticks.front()) * (bottom() - top_);
  }
  double left() const { return left_; }
  double top() const { return top_; }
  double width() const { return kPanelWidth - kLeft - kRight; }
  double bottom() const { return top_ + kPanelHeight - kTop - kBottom; }

  std::vector<double> x_ticks;
  std::vector<double> y_ticks;

 private:
  double left_;
  double top_;
  bool log_;
};

void DrawFrame(const PlotPanel& panel, const Axes& axes, SvgDrawing& svg) {
  const double right = axes.left() + axes.width();
  const double middle = axes.left() + axes.width() / 2;
  svg.Text(axes.left(), axes.top() - 14, With({{"font-weight", "bold"}}, Fill(kInk)), panel.title);
  for (const double tick : axes.y_ticks) {
    svg.Line(axes.left(), axes.Y(tick), right, axes.Y(tick), Stroke("#e3e3e3", "1"));
    svg.Text(axes.left() - 8, axes.Y(tick) + 4, Anchored("end", kSoft), Format("%.6g", tick));
  }
  for (const double tick : axes.x_ticks) {
    svg.Line(axes.X(tick), axes.bottom(), axes.X(tick), axes.bottom() + 5, Stroke("#888888", "1"));
    svg.Text(axes.X(tick), axes.bottom() + 19, Anchored("middle", kSoft), Format("%.6g", tick));
  }
  svg.Line(axes.left(), axes.bottom(), right, axes.bottom(), Stroke("#888888", "1"));
  svg.Text(middle, axes.bottom() + 39, Anchored("middle", kInk), panel.x_label);
  const double x = axes.left() - 56;
  const double y = (axes.top() + axes.bottom()) / 2;
  const SvgAttributes upright = {{"transform", Format("rotate(-90 %.1f %.1f)", x, y)}};
  svg.Text(x, y, With(Anchored("middle", kInk), upright), panel.y_label);
}

void DrawSeries(const PlotSeries& series, const Axes& axes, const Look& look, SvgDrawing& svg) {
  std::string path;
  SvgDrawing marks;
  for (const PlotPoint& point : series.points) {
    if (!Drawable(point)) continue;
    const double x = axes.X(point.x);
    path += Format("%s%.1f %.1f", path.empty() ? "M" : "L", x, axes.Y(point.y));
    if (HasSpread(point)) marks.Line(x, axes.Y(point.low), x, axes.Y(point.high), Stroke(look.color, "1.5"));
    DrawMarker(look.marker, x, axes.Y(point.y), look.color, marks);
  }
  if (path.empty()) return;
  svg.Path(path, look.line);
  svg.Append(marks);
}

// Names of all series, in the order in which they first appear.
std::vector<std::string> LegendNames(const Plot& plot) {
  std::vector<std::string> names;
  for (const PlotPanel& panel : plot.panels) {
    for (const PlotSeries& series : panel.series) {
      if (std::find(names.begin(), names.end(), series.name) == names.end()) names.push_back(series.name);
    }
  }
  return names;
}

// The legend from `y` down, in columns as wide as the longest name; returns its height.
double DrawLegend(const std::vector<std::string>& names, double y, double width, SvgDrawing& svg) {
  size_t longest = 0;
  for (const std::string& name : names) longest = std::max(longest, name.size());
  const double column = 60 + kLetter * static_cast<double>(longest);
  const auto columns = static_cast<size_t>(std::max(1.0, std::floor((width - 40) / column)));
  for (size_t i = 0; i < names.size(); ++i) {
    const Look look(i);
    const double x = 24 + column * static_cast<double>(i % columns);
    const double row = y + kLegendRow * static_cast<double>(i / columns);
    svg.Path(Format("M%.1f %.1fh28", x, row), look.line);
    DrawMarker(look.marker, x + 14, row, look.color, svg);
    svg.Text(x + 36, row + 4, Fill(kInk), names[i]);
  }
  return kLegendRow * static_cast<double>((names.size() + columns - 1) / columns);
}

}  // namespace

std::vector<double> RoundTicks(double low, double high, int wanted) {
  if (!(high > low)) {  // one value: an axis around it
    const double margin = low != 0 ? std::abs(low) / 2 : 1;
    high = low + margin;
    low -= margin;
  }
  const double rough = (high - low) / wanted;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double digits = rough / power;
  const double step = power * (digits <= 1 ? 1 : digits <= 2 ? 2 : digits <= 5 ? 5 : 10);
  // The small allowance forgives what division rounds up.
  const double first = std::floor(low / step + 1e-9);
  const double last = std::ceil(high / step - 1e-9);
  std::vector<double> ticks;
  for (double i = first; i <= last; ++i) ticks.push_back(i * step);
  return ticks;
}

std::string RenderSvg(const Plot& plot) {
  const std::vector<std::string> names = LegendNames(plot);
  const double width = 16 + kPanelWidth * static_cast<double>(std::max<size_t>(1, plot.panels.size()));
  SvgDrawing body;
  body.Text(24, 28, With({{"font-size", "17"}, {"font-weight", "bold"}}, Fill(kInk)), plot.title);
  body.Text(24, 49, Fill("#555555"), plot.subtitle);
  for (size_t i = 0; i < plot.panels.size(); ++i) {
    const Axes axes(plot.panels[i], 8 + kPanelWidth * static_cast<double>(i), kHead);
    DrawFrame(plot.panels[i], axes, body);
    for (const PlotSeries& series : plot.panels[i].series) {
      const auto index = std::find(names.begin(), names.end(), series.name) - names.begin();
      DrawSeries(series, axes, Look(static_cast<size_t>(index)), body);
    }
  }
  const double legend = DrawLegend(names, kHead + kPanelHeight + 18, width, body);
  const double height = kHead + kPanelHeight + legend + 18;
  SvgDrawing page;
  page.Rect(0, 0, width, height, Fill("#ffffff"));
  page.Append(body);
  return page.Document(width, height, {{"font-family", "sans-serif"}, {"font-size", "12"}}, "");
}

}  // namespace dcp::tools
