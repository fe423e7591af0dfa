// The files of page/ beside those of tools/common/page, built into the program by tools/cmake/embed.cmake.
#ifndef DCP_TOOLS_DCP_SERVE_PAGE_ASSETS_H_
#define DCP_TOOLS_DCP_SERVE_PAGE_ASSETS_H_

#include <string_view>

namespace dcp::tools {

extern const std::string_view kServeHtml;  // serve.html
extern const std::string_view kServeCss;   // serve.css
extern const std::string_view kStreamJs;   // stream.js
extern const std::string_view kServeJs;    // serve.js

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_SERVE_PAGE_ASSETS_H_
