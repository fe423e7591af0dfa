// Plots: round ticks, well-formed XML, everything drawn lies in the picture.
#include "common/svg_plot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <regex>

#include "common/svg.h"
#include "tests/tools/svg_check.h"

namespace dcp::tools {
namespace {

Plot Sample() {
  Plot plot;
  plot.title = "A <plot> & more";
  plot.subtitle = "sub\ntitle";
  PlotPanel panel;
  panel.title = "left";
  panel.x_label = "x (units)";
  panel.y_label = "y (units)";
  panel.series = {{"first", {{1, 10, 9, 11}, {2, 20}, {32, 5}}}, {"second & last", {{1, 1}, {2, 2}}}};
  plot.panels.push_back(panel);
  panel.x_doubles = true;
  panel.y_from_zero = false;
  panel.title = "right";
  plot.panels.push_back(panel);
  return plot;
}

size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(RoundTicks, AreRoundAndEncloseTheRange) {
  EXPECT_EQ(RoundTicks(0, 100, 5), (std::vector<double>{0, 20, 40, 60, 80, 100}));
  EXPECT_EQ(RoundTicks(128, 960, 5), (std::vector<double>{0, 200, 400, 600, 800, 1000}));
  EXPECT_EQ(RoundTicks(31.5, 31.5, 5).size(), 5u);
  for (const double high : {1e-6, 0.37, 3.0, 12345.0, 9.9e12}) {
    const auto ticks = RoundTicks(0, high, 5);
    EXPECT_LE(ticks.front(), 0);
    EXPECT_GE(ticks.back(), high * (1 - 1e-6));
    EXPECT_GE(ticks.size(), 3u);
    EXPECT_LE(ticks.size(), 8u);
  }
}

TEST(SvgDrawing, EscapesTextAndAttributes) {
  SvgDrawing inner, outer;
  inner.Text(1, 2.25, {{"class", "a\"b"}}, "<\"tom\" & jerry>\n");
  outer.Group(3, 4, inner);
  outer.Path("M0 0h1", {{"stroke-width", 2}});
  const std::string svg = outer.Document(10, 20, {{"aria-label", "x < y"}}, "text{fill:red}");
  ExpectWellFormed(svg);
  for (const char* part : {"<text x=\"1.0\" y=\"2.2\" class=\"a&quot;b\">&lt;&quot;tom&quot; &amp; jerry&gt; </text>",
                           "<g transform=\"translate(3.0 4.0)\">", "<path d=\"M0 0h1\" stroke-width=\"2.0\"/>",
                           "viewBox=\"0 0 10 20\" aria-label=\"x &lt; y\">", "<style>text{fill:red}</style>"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part << " in " << svg;
  }
}

TEST(RenderSvg, IsWellFormedAndNamesEverything) {
  const std::string svg = RenderSvg(Sample());
  ExpectWellFormed(svg);
  for (const char* text : {"A &lt;plot&gt; &amp; more", "sub title", ">left<", ">right<", "x (units)", "y (units)"}) {
    EXPECT_NE(svg.find(text), std::string::npos) << text;
  }
  EXPECT_EQ(CountOf(svg, ">second &amp; last<"), 1u) << "one legend for both panels";
}

TEST(RenderSvg, EmptyPlotsAreWellFormedToo) {
  ExpectWellFormed(RenderSvg({}));
  Plot plot;
  plot.panels.resize(1);
  ExpectWellFormed(RenderSvg(plot));
}

TEST(RenderSvg, LeavesOutWhatIsNotFinite) {
  Plot plot = Sample();
  plot.panels[0].series[0].points.push_back({3, std::numeric_limits<double>::quiet_NaN()});
  plot.panels[0].series[0].points.push_back({std::numeric_limits<double>::infinity(), 1});
  EXPECT_EQ(RenderSvg(plot), RenderSvg(Sample()));
}

TEST(RenderSvg, PointsLieInThePicture) {
  const std::string svg = RenderSvg(Sample());
  static const std::regex kSize(R"(viewBox="0 0 (\d+) (\d+)\")");
  std::smatch size;
  ASSERT_TRUE(std::regex_search(svg, size, kSize));
  const double width = std::stod(size[1]), height = std::stod(size[2]);
  static const std::regex kCircle(R"(cx="([-0-9.]+)\" cy="([-0-9.]+)\")");
  int circles = 0;
  for (auto it = std::sregex_iterator(svg.begin(), svg.end(), kCircle); it != std::sregex_iterator(); ++it) {
    const double x = std::stod((*it)[1]), y = std::stod((*it)[2]);
    EXPECT_TRUE(x > 0 && x < width && y > 0 && y < height) << x << ' ' << y;
    ++circles;
  }
  EXPECT_EQ(circles, 7) << "three points in two panels, and the legend";
}

TEST(RenderSvg, LinesDifferInColour) {
  Plot plot;
  plot.panels.resize(1);
  for (int i = 0; i < 7; ++i) plot.panels[0].series.push_back({"s" + std::to_string(i), {{0, 1.0 * i}, {1, 1.0 * i}}});
  const std::string svg = RenderSvg(plot);
  std::vector<std::string> colors;
  static const std::regex kStroke("fill=\"none\" stroke=\"(#[0-9a-f]+)\" stroke-width=\"2\"");
  for (auto it = std::sregex_iterator(svg.begin(), svg.end(), kStroke); it != std::sregex_iterator(); ++it) {
    if (std::find(colors.begin(), colors.end(), (*it)[1]) == colors.end()) colors.push_back((*it)[1]);
  }
  EXPECT_EQ(colors.size(), 7u);
}

}  // namespace
}  // namespace dcp::tools
