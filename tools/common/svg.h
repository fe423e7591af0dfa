// SVG, element by element: the one place where drawings of all tools become text.
#ifndef DCP_TOOLS_COMMON_SVG_H_
#define DCP_TOOLS_COMMON_SVG_H_

#include <string>
#include <string_view>
#include <vector>

namespace dcp::tools {

// One attribute of an element; numbers are pixels.
struct SvgAttribute {
  SvgAttribute(std::string_view attribute, std::string_view text) : name(attribute), value(text) {}
  SvgAttribute(std::string_view attribute, const char* text) : name(attribute), value(text) {}
  SvgAttribute(std::string_view attribute, const std::string& text) : name(attribute), value(text) {}
  SvgAttribute(std::string_view attribute, double pixels);

  std::string name;
  std::string value;
};
using SvgAttributes = std::vector<SvgAttribute>;

// A drawing that grows by shapes, drawn in the order in which they are added. `look` holds what is not geometry:
// colours, or the class of a style sheet.
class SvgDrawing {
 public:
  void Text(double x, double y, const SvgAttributes& look, std::string_view text);
  void Line(double x1, double y1, double x2, double y2, const SvgAttributes& look);
  void Rect(double x, double y, double width, double height, const SvgAttributes& look);
  void Circle(double x, double y, double radius, const SvgAttributes& look);
  void Path(std::string_view data, const SvgAttributes& look);

  // Another drawing, moved to (x, y), or where it is.
  void Group(double x, double y, const SvgDrawing& drawing);
  void Append(const SvgDrawing& drawing) { shapes_ += drawing.shapes_; }

  // The <svg> element; `style` is a style sheet, or empty.
  std::string Document(double width, double height, const SvgAttributes& attributes, std::string_view style) const;

 private:
  void Add(std::string_view name, const SvgAttributes& geometry, const SvgAttributes& look);

  std::string shapes_;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_SVG_H_
