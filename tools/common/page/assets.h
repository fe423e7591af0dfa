// What every page that a tool makes is built of, built into the programs by tools/cmake/embed.cmake.
#ifndef DCP_TOOLS_COMMON_PAGE_ASSETS_H_
#define DCP_TOOLS_COMMON_PAGE_ASSETS_H_

#include <string_view>

namespace dcp::tools {

extern const std::string_view kFrameHtml;  // frame.html
extern const std::string_view kLookCss;    // look.css
extern const std::string_view kThemeJs;    // theme.js
extern const std::string_view kDomJs;      // dom.js

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_PAGE_ASSETS_H_
