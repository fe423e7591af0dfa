#include "dcp-inspect/page/page_writer.h"

#include <initializer_list>

#include "dcp-inspect/page/assets.h"
#include "dcp/error.h"
#include "support/escape.h"

namespace dcp::tools {
namespace {

// Puts `text` in the place of `mark`, which the page holds once.
void Fill(std::string& page, std::string_view mark, std::string_view text) {
  const size_t at = page.find(mark);
  if (at == std::string::npos) throw Error(ErrorCode::kInternal, "the page lacks " + std::string(mark));
  page.replace(at, mark.size(), text);
}

std::string In(std::string_view open, std::string_view content, std::string_view close) {
  return std::string(open).append(content).append(close);
}

std::string Title(const Json& document) {
  const auto model = document["model"].get<std::string>();
  return EscapeHtml(model.empty() ? "What a model forgets" : "What " + model + " forgets");
}

std::string Page(const Json& document, std::string_view styles, std::string_view body,
                 std::initializer_list<std::string_view> scripts) {
  std::string page(kFrameHtml);
  std::string elements;
  for (const std::string_view script : scripts) elements += In("<script>\n", script, "</script>\n");
  Fill(page, "<!-- title -->", Title(document));
  Fill(page, "<!-- styles -->", In("<style>\n", styles, "</style>"));
  Fill(page, "<!-- theme -->", In("<script>\n", kThemeJs, "</script>"));
  Fill(page, "<!-- body -->", body);
  Fill(page, "<!-- data -->", ScriptJson(document));
  Fill(page, "<!-- scripts -->", elements);
  return page;
}

}  // namespace

std::string TracePage(const Json& document) {
  return Page(document, In(kLookCss, "\n", kTraceCss), kTraceHtml, {kDomJs, kModelJs, kTextJs, kChartsJs, kTraceJs});
}

std::string StatsPage(const Json& document, std::string_view sections) {
  std::string body(kStatsHtml);
  Fill(body, "<!-- charts -->", sections);
  return Page(document, kLookCss, body, {kDomJs, kStatsJs});
}

std::string ScriptJson(const Json& document) {
  const std::string json = Dump(document);
  std::string escaped;
  escaped.reserve(json.size());
  for (size_t i = 0; i < json.size(); ++i) {
    const std::string_view rest = std::string_view(json).substr(i);
    if (json[i] == '<') {
      escaped += "\\u003c";
    } else if (json[i] == '>') {
      escaped += "\\u003e";
    } else if (json[i] == '&') {
      escaped += "\\u0026";
    } else if (rest.starts_with("\u2028") || rest.starts_with("\u2029")) {
      escaped += rest.starts_with("\u2028") ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      escaped += json[i];
    }
  }
  return escaped;
}

}  // namespace dcp::tools
