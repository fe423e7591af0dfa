// The files of page/, built into the program by tools/cmake/embed.cmake.
#ifndef DCP_TOOLS_DCP_INSPECT_PAGE_ASSETS_H_
#define DCP_TOOLS_DCP_INSPECT_PAGE_ASSETS_H_

#include <string_view>

namespace dcp::tools {

extern const std::string_view kPageHtml;   // page.html
extern const std::string_view kPageCss;    // page.css
extern const std::string_view kModelJs;    // model.js
extern const std::string_view kTextJs;     // text.js
extern const std::string_view kChartsJs;   // charts.js
extern const std::string_view kPageJs;     // page.js
extern const std::string_view kStatsHtml;  // stats.html
extern const std::string_view kStatsJs;    // stats.js

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_PAGE_ASSETS_H_
