#include "common/svg.h"

#include "common/format.h"
#include "support/escape.h"

namespace dcp::tools {
namespace {

// "<name a="1" b="2"", without the end.
std::string Begin(std::string_view name, const SvgAttributes& first, const SvgAttributes& more) {
  std::string tag = "<" + std::string(name);
  for (const SvgAttributes* attributes : {&first, &more}) {
    for (const SvgAttribute& a : *attributes) tag += " " + a.name + "=\"" + EscapeHtml(a.value) + "\"";
  }
  return tag;
}

}  // namespace

SvgAttribute::SvgAttribute(std::string_view attribute, double pixels)
    : name(attribute), value(Format("%.1f", pixels)) {}

void SvgDrawing::Add(std::string_view name, const SvgAttributes& geometry, const SvgAttributes& look) {
  shapes_ += Begin(name, geometry, look) + "/>\n";
}

void SvgDrawing::Text(double x, double y, const SvgAttributes& look, std::string_view text) {
  shapes_ += Begin("text", {{"x", x}, {"y", y}}, look) + ">" + EscapeHtml(text) + "</text>\n";
}

void SvgDrawing::Line(double x1, double y1, double x2, double y2, const SvgAttributes& look) {
  Add("line", {{"x1", x1}, {"y1", y1}, {"x2", x2}, {"y2", y2}}, look);
}

void SvgDrawing::Rect(double x, double y, double width, double height, const SvgAttributes& look) {
  Add("rect", {{"x", x}, {"y", y}, {"width", width}, {"height", height}}, look);
}

void SvgDrawing::Circle(double x, double y, double radius, const SvgAttributes& look) {
  Add("circle", {{"cx", x}, {"cy", y}, {"r", radius}}, look);
}

void SvgDrawing::Path(std::string_view data, const SvgAttributes& look) { Add("path", {{"d", data}}, look); }

void SvgDrawing::Group(double x, double y, const SvgDrawing& drawing) {
  shapes_ += Format("<g transform=\"translate(%.1f %.1f)\">\n", x, y) + drawing.shapes_ + "</g>\n";
}

std::string SvgDrawing::Document(double width, double height, const SvgAttributes& attributes,
                                 std::string_view style) const {
  const std::string size = Format("%.0f %.0f", width, height);
  const SvgAttributes frame = {{"xmlns", "http://www.w3.org/2000/svg"},
                               {"width", Format("%.0f", width)},
                               {"height", Format("%.0f", height)},
                               {"viewBox", "0 0 " + size}};
  const std::string sheet = style.empty() ? "" : "<style>" + std::string(style) + "</style>\n";
  return Begin("svg", frame, attributes) + ">\n" + sheet + shapes_ + "</svg>\n";
}

}  // namespace dcp::tools
