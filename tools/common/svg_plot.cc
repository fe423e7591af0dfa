#include "common/svg_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <limits>

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

std::string Format(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string Format(const char* format, ...) {
  va_list args;
  va_start(args, format);
  char text[400];
  std::vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return text;
}

std::string Escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return escaped;
}

std::string Text(double x, double y, const std::string& style, const std::string& text) {
  return Format("<text x=\"%.1f\" y=\"%.1f\" ", x, y) + style + ">" + Escape(text) + "</text>\n";
}

std::string Line(double x1, double y1, double x2, double y2, const char* color, double width) {
  return Format("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"%.1f\"/>\n", x1, y1,
                x2, y2, color, width);
}

std::string Marker(int shape, double x, double y, const char* color) {
  switch (shape) {
    case 0:
      return Format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>\n", x, y, color);
    case 1:
      return Format("<rect x=\"%.1f\" y=\"%.1f\" width=\"7\" height=\"7\" fill=\"%s\"/>\n", x - 3.5, y - 3.5, color);
    case 2:
      return Format("<path d=\"M%.1f %.1fl4.5 8h-9z\" fill=\"%s\"/>\n", x, y - 5, color);
    default:
      return Format("<path d=\"M%.1f %.1fl5 5l-5 5l-5 -5z\" fill=\"%s\"/>\n", x, y - 5, color);
  }
}

// How the series number `index` looks.
struct Look {
  explicit Look(size_t index)
      : color(kColors[index % kColors.size()]),
        marker(static_cast<int>(index) % kMarkers),
        dash(index < kColors.size() ? "" : " stroke-dasharray=\"6 4\"") {}
  const char* color;
  int marker;
  const char* dash;
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

std::string DrawFrame(const PlotPanel& panel, const Axes& axes) {
  const double right = axes.left() + axes.width();
  const double middle = axes.left() + axes.width() / 2;
  std::string svg = Text(axes.left(), axes.top() - 14, "font-weight=\"bold\" fill=\"#222222\"", panel.title);
  for (const double tick : axes.y_ticks) {
    svg += Line(axes.left(), axes.Y(tick), right, axes.Y(tick), "#e3e3e3", 1);
    svg += Text(axes.left() - 8, axes.Y(tick) + 4, "text-anchor=\"end\" fill=\"#444444\"", Format("%.6g", tick));
  }
  for (const double tick : axes.x_ticks) {
    svg += Line(axes.X(tick), axes.bottom(), axes.X(tick), axes.bottom() + 5, "#888888", 1);
    svg += Text(axes.X(tick), axes.bottom() + 19, "text-anchor=\"middle\" fill=\"#444444\"", Format("%.6g", tick));
  }
  svg += Line(axes.left(), axes.bottom(), right, axes.bottom(), "#888888", 1);
  svg += Text(middle, axes.bottom() + 39, "text-anchor=\"middle\" fill=\"#222222\"", panel.x_label);
  const double x = axes.left() - 56;
  const double y = (axes.top() + axes.bottom()) / 2;
  svg += Text(x, y, Format("text-anchor=\"middle\" fill=\"#222222\" transform=\"rotate(-90 %.1f %.1f)\"", x, y),
              panel.y_label);
  return svg;
}

std::string DrawSeries(const PlotSeries& series, const Axes& axes, const Look& look) {
  std::string path, marks;
  for (const PlotPoint& point : series.points) {
    if (!Drawable(point)) continue;
    const double x = axes.X(point.x);
    path += Format("%s%.1f %.1f", path.empty() ? "M" : "L", x, axes.Y(point.y));
    if (HasSpread(point)) marks += Line(x, axes.Y(point.low), x, axes.Y(point.high), look.color, 1.5);
    marks += Marker(look.marker, x, axes.Y(point.y), look.color);
  }
  if (path.empty()) return "";
  return Format("<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s d=\"", look.color, look.dash) + path +
         "\"/>\n" + marks;
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

// The legend from `y` down, in columns as wide as the longest name; `height` gets what it takes.
std::string DrawLegend(const std::vector<std::string>& names, double y, double width, double* height) {
  size_t longest = 0;
  for (const std::string& name : names) longest = std::max(longest, name.size());
  const double column = 60 + kLetter * static_cast<double>(longest);
  const auto columns = static_cast<size_t>(std::max(1.0, std::floor((width - 40) / column)));
  std::string svg;
  for (size_t i = 0; i < names.size(); ++i) {
    const Look look(i);
    const double x = 24 + column * static_cast<double>(i % columns);
    const double row = y + kLegendRow * static_cast<double>(i / columns);
    svg += Format("<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s d=\"M%.1f %.1fh28\"/>\n", look.color,
                  look.dash, x, row);
    svg += Marker(look.marker, x + 14, row, look.color);
    svg += Text(x + 36, row + 4, "fill=\"#222222\"", names[i]);
  }
  *height = kLegendRow * static_cast<double>((names.size() + columns - 1) / columns);
  return svg;
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
  std::string body;
  body += Text(24, 28, "font-size=\"17\" font-weight=\"bold\" fill=\"#222222\"", plot.title);
  body += Text(24, 49, "fill=\"#555555\"", plot.subtitle);
  for (size_t i = 0; i < plot.panels.size(); ++i) {
    const Axes axes(plot.panels[i], 8 + kPanelWidth * static_cast<double>(i), kHead);
    body += DrawFrame(plot.panels[i], axes);
    for (const PlotSeries& series : plot.panels[i].series) {
      const auto index = std::find(names.begin(), names.end(), series.name) - names.begin();
      body += DrawSeries(series, axes, Look(static_cast<size_t>(index)));
    }
  }
  double legend = 0;
  body += DrawLegend(names, kHead + kPanelHeight + 18, width, &legend);
  const double height = kHead + kPanelHeight + legend + 18;
  return Format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" "
             "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"%.0f\" height=\"%.0f\" fill=\"#ffffff\"/>\n",
             width, height, width, height, width, height) +
         body + "</svg>\n";
}

}  // namespace dcp::tools
