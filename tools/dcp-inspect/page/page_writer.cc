#include "dcp-inspect/page/page_writer.h"

#include "common/page/page.h"
#include "dcp-inspect/page/assets.h"
#include "support/escape.h"

namespace dcp::tools {
namespace {

std::string Title(const Json& document) {
  const auto model = document["model"].get<std::string>();
  return EscapeHtml(model.empty() ? "What a model forgets" : "What " + model + " forgets");
}

}  // namespace

std::string TracePage(const Json& document) {
  return MakePage({.title = Title(document),
                   .styles = kTraceCss,
                   .body = kTraceHtml,
                   .scripts = {kModelJs, kTextJs, kChartsJs, kTraceJs}},
                  document);
}

std::string StatsPage(const Json& document, std::string_view sections) {
  std::string body(kStatsHtml);
  FillPage(body, "<!-- charts -->", sections);
  return MakePage({.title = Title(document), .styles = {}, .body = body, .scripts = {kStatsJs}}, document);
}

}  // namespace dcp::tools
