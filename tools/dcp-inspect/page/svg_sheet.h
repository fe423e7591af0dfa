// A drawing that grows by shapes and becomes SVG in the colours of the page: inside it, or as a file of its own that is
// light or dark as its reader prefers.
#ifndef DCP_TOOLS_DCP_INSPECT_PAGE_SVG_SHEET_H_
#define DCP_TOOLS_DCP_INSPECT_PAGE_SVG_SHEET_H_

#include <string>
#include <string_view>

#include "common/svg.h"

namespace dcp::tools {

class SvgSheet {
 public:
  // Shapes are drawn in the order in which they are added; `look` is a class of the style sheet in svg_sheet.cc.
  // `more` holds further attributes. Pixels throughout.
  void Text(double x, double y, std::string_view look, std::string_view text, SvgAttributes more = {}) {
    more.emplace_back("class", look);
    drawing_.Text(x, y, more, text);
  }
  void Line(double x1, double y1, double x2, double y2, std::string_view look) {
    drawing_.Line(x1, y1, x2, y2, {{"class", look}});
  }
  void Rect(double x, double y, double width, double height, std::string_view look) {
    drawing_.Rect(x, y, width, height, {{"rx", "2"}, {"class", look}});
  }
  void Circle(double x, double y, double radius, std::string_view look) {
    drawing_.Circle(x, y, radius, {{"class", look}});
  }
  void Path(std::string_view data, std::string_view look) { drawing_.Path(data, {{"class", look}}); }

  // Another drawing, moved to (x, y).
  void Group(double x, double y, const SvgSheet& sheet) { drawing_.Group(x, y, sheet.drawing_); }

  // For a page that defines the colours; `label` tells those who cannot see it what it shows.
  std::string Inline(double width, double height, std::string_view label) const;

  // A whole file, with colours and a background.
  std::string File(double width, double height, std::string_view label) const;

 private:
  SvgDrawing drawing_;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_PAGE_SVG_SHEET_H_
