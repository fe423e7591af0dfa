#include "dcp-inspect/page/page_writer.h"

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

void AddScript(std::string& page, std::string_view name, std::string_view source) {
  Fill(page, In("<script src=\"", name, "\"></script>"), In("<script>\n", source, "</script>"));
}

std::string Title(const Json& document) {
  const auto model = document["model"].get<std::string>();
  return EscapeHtml(model.empty() ? "What a model forgets" : "What " + model + " forgets");
}

std::string Page(std::string_view html, const Json& document) {
  std::string page(html);
  Fill(page, "<title></title>", In("<title>", Title(document), "</title>"));
  Fill(page, R"(<link rel="stylesheet" href="page.css" />)", In("<style>\n", kPageCss, "</style>"));
  Fill(page, R"(<script type="application/json" id="data">{}</script>)",
       In(R"(<script type="application/json" id="data">)", ScriptJson(document), "</script>"));
  return page;
}

}  // namespace

std::string TracePage(const Json& document) {
  std::string page = Page(kPageHtml, document);
  AddScript(page, "model.js", kModelJs);
  AddScript(page, "text.js", kTextJs);
  AddScript(page, "charts.js", kChartsJs);
  AddScript(page, "page.js", kPageJs);
  return page;
}

std::string StatsPage(const Json& document, std::string_view sections) {
  std::string page = Page(kStatsHtml, document);
  Fill(page, "<!-- charts -->", sections);
  AddScript(page, "stats.js", kStatsJs);
  return page;
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
