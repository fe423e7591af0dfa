// The look that pictures and charts share: shapes have classes, one style sheet gives them colours, and the pages that
// charts stand in choose these for day and night.
#ifndef DCP_TOOLS_DCP_INSPECT_PAGE_SVG_SHEET_H_
#define DCP_TOOLS_DCP_INSPECT_PAGE_SVG_SHEET_H_

#include <string>
#include <string_view>

#include "common/svg.h"

namespace dcp::tools {

// A class of the style sheet in svg_sheet.cc, and further attributes.
SvgAttributes Class(std::string_view name, SvgAttributes more = {});

// For a page that defines the colours; `label` tells those who cannot see it what it shows. Pixels.
std::string InlineSvg(const SvgDrawing& drawing, double width, double height, std::string_view label);

// A whole file, with colours and a background.
std::string SvgFile(const SvgDrawing& drawing, double width, double height, std::string_view label);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_PAGE_SVG_SHEET_H_
