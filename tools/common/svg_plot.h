// Line plots as SVG, for reports: panels side by side, one legend. Needs no fonts, scripts or style sheets; colours
// differ in lightness and for colour-blind eyes, markers in shape. The background is always light, so that the picture
// reads the same on light and dark pages.
#ifndef DCP_TOOLS_COMMON_SVG_PLOT_H_
#define DCP_TOOLS_COMMON_SVG_PLOT_H_

#include <string>
#include <vector>

namespace dcp::tools {

struct PlotPoint {
  double x = 0;
  double y = 0;
  double low = 0;  // low < high: a bar shows the spread
  double high = 0;
};

// Lines of the same name look alike in all panels and share one entry of the legend. Points are joined in the order
// given; a point that is not finite is left out.
struct PlotSeries {
  std::string name;
  std::vector<PlotPoint> points;
};

struct PlotPanel {
  std::string title;
  std::string x_label;  // with its unit
  std::string y_label;  // with its unit
  bool y_from_zero = true;
  bool x_doubles = false;  // a logarithmic axis with ticks at powers of two; x must be positive
  std::vector<PlotSeries> series;
};

struct Plot {
  std::string title;
  std::string subtitle;
  std::vector<PlotPanel> panels;
};

// A whole SVG document.
std::string RenderSvg(const Plot& plot);

// Multiples of 1, 2 or 5 times a power of ten, about `wanted` of them, the first at or below `low` and the last at or
// above `high`. At least two.
std::vector<double> RoundTicks(double low, double high, int wanted);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_SVG_PLOT_H_
