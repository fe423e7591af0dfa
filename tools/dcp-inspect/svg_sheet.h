// A drawing that grows by shapes and becomes SVG in the colours of the page: inside it, or as a file of its own that is
// light or dark as its reader prefers.
#ifndef DCP_TOOLS_DCP_INSPECT_SVG_SHEET_H_
#define DCP_TOOLS_DCP_INSPECT_SVG_SHEET_H_

#include <string>
#include <string_view>

namespace dcp::tools {

class SvgSheet {
 public:
  // Shapes are drawn in the order in which they are added; `look` is a class of the style sheet in svg_sheet.cc.
  // `more` holds further attributes, ready to be put in. Pixels throughout.
  void Text(double x, double y, std::string_view look, std::string_view text, std::string_view more = "");
  void Line(double x1, double y1, double x2, double y2, std::string_view look);
  void Rect(double x, double y, double width, double height, std::string_view look);
  void Circle(double x, double y, double radius, std::string_view look);
  void Path(std::string_view data, std::string_view look, std::string_view more = "");

  // Another drawing, moved to (x, y).
  void Group(double x, double y, const SvgSheet& sheet);

  // For a page that defines the colours; `label` tells those who cannot see it what it shows.
  std::string Inline(double width, double height, std::string_view label) const;

  // A whole file, with colours and a background.
  std::string File(double width, double height, std::string_view label) const;

 private:
  std::string shapes_;
};

// printf into a string, for coordinates.
std::string SvgFormat(const char* format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_SVG_SHEET_H_
