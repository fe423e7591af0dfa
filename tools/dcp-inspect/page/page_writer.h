// Makes one self-contained HTML file: style, script and data inside, nothing fetched.
#ifndef DCP_TOOLS_DCP_INSPECT_PAGE_PAGE_WRITER_H_
#define DCP_TOOLS_DCP_INSPECT_PAGE_PAGE_WRITER_H_

#include <string>
#include <string_view>

#include "common/json.h"

namespace dcp::tools {

// `document` as trace_document.h has it.
std::string TracePage(const Json& document);

// `sections` is HTML of our own making, put in as it is; `document` as stats_document.h has it.
std::string StatsPage(const Json& document, std::string_view sections);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_PAGE_PAGE_WRITER_H_
