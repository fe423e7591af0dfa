#include "common/page/page.h"

#include "common/page/assets.h"
#include "dcp/error.h"

namespace dcp::tools {
namespace {

std::string In(std::string_view open, std::string_view content, std::string_view close) {
  return std::string(open).append(content).append(close);
}

}  // namespace

void FillPage(std::string& page, std::string_view mark, std::string_view text) {
  const size_t at = page.find(mark);
  if (at == std::string::npos) throw Error(ErrorCode::kInternal, "the page lacks " + std::string(mark));
  page.replace(at, mark.size(), text);
}

std::string MakePage(const PageParts& parts, const Json& data) {
  std::string page(kFrameHtml);
  std::string elements = In("<script>\n", kDomJs, "</script>\n");
  for (const std::string_view script : parts.scripts) elements += In("<script>\n", script, "</script>\n");
  const std::string styles = parts.styles.empty() ? std::string(kLookCss) : In(kLookCss, "\n", parts.styles);
  FillPage(page, "; connect-src 'self'", parts.connects ? "; connect-src 'self'" : "");
  FillPage(page, "<!-- title -->", parts.title);
  FillPage(page, "<!-- styles -->", In("<style>\n", styles, "</style>"));
  FillPage(page, "<!-- theme -->", In("<script>\n", kThemeJs, "</script>"));
  FillPage(page, "<!-- body -->", parts.body);
  FillPage(page, "<!-- data -->", ScriptJson(data));
  FillPage(page, "<!-- scripts -->", elements);
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
