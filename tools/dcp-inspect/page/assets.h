// The files of page/ beside those of tools/common/page, built into the program by tools/cmake/embed.cmake.
#ifndef DCP_TOOLS_DCP_INSPECT_PAGE_ASSETS_H_
#define DCP_TOOLS_DCP_INSPECT_PAGE_ASSETS_H_

#include <string_view>

namespace dcp::tools {

// Of the page of one text.
extern const std::string_view kTraceHtml;  // trace.html
extern const std::string_view kTraceCss;   // trace.css
extern const std::string_view kModelJs;    // model.js
extern const std::string_view kTextJs;     // text.js
extern const std::string_view kChartsJs;   // charts.js
extern const std::string_view kTraceJs;    // trace.js

// Of the page of the statistics.
extern const std::string_view kStatsHtml;  // stats.html
extern const std::string_view kStatsJs;    // stats.js

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_PAGE_ASSETS_H_
