// Pages in one file: frame, looks, scripts, and the data that they show.
#ifndef DCP_TOOLS_COMMON_PAGE_PAGE_H_
#define DCP_TOOLS_COMMON_PAGE_PAGE_H_

#include <initializer_list>
#include <string>
#include <string_view>

#include "common/json.h"

namespace dcp::tools {

struct PageParts {
  std::string title;        // as HTML
  std::string_view styles;  // after look.css
  std::string_view body;
  std::initializer_list<std::string_view> scripts;  // after dom.js
  bool connects = false;                            // its scripts may ask the server that it came from
};

// The whole document. `data` is what its scripts find in `dcp.data`.
std::string MakePage(const PageParts& parts, const Json& data);

// Puts `text` in the place of `mark`, which `page` holds once.
void FillPage(std::string& page, std::string_view mark, std::string_view text);

// JSON that may stand in a <script> element: no '<', '>', '&' and no line separator of JavaScript as such.
std::string ScriptJson(const Json& document);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_PAGE_PAGE_H_
