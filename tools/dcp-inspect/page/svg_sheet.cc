#include "dcp-inspect/page/svg_sheet.h"

namespace dcp::tools {
namespace {

// The colours of look.css.
constexpr std::string_view kColors =
    "svg{--paper:#fbfaf6;--ink:#1d1c1a;--soft:#66625a;--hair:#dfdbd0;--lane-on:#2f74b5;--lane-off:#e9e5da;"
    "--drop:#c04e00;--did:#6b4fa0}\n"
    "@media (prefers-color-scheme:dark){svg{--paper:#14171b;--ink:#ece8de;--soft:#a09c92;--hair:#333941;"
    "--lane-on:#62a8e5;--lane-off:#282d34;--drop:#ff9d4d;--did:#b79df0}}\n";

constexpr std::string_view kStyle =
    ".sheet text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Liberation Sans',sans-serif;"
    "fill:var(--ink)}\n"
    ".sheet text.title{font-weight:600;font-size:17px}\n"
    ".sheet text.soft{fill:var(--soft)}.sheet text.small{fill:var(--soft);font-size:12px}\n"
    ".sheet text.strong{font-weight:600}\n"
    ".sheet text.code{font:15px ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace;"
    "white-space:pre}\n"
    ".sheet text.code.held{font-weight:700}\n"
    ".sheet text.drop{fill:var(--drop);font-weight:600;font-size:12px}\n"
    ".sheet .paper{fill:var(--paper)}.sheet .grid{stroke:var(--hair)}\n"
    ".sheet .mean{stroke:var(--soft);stroke-dasharray:3 3}\n"
    ".sheet .held-bar{fill:var(--lane-on)}.sheet .off-bar{fill:var(--lane-off)}\n"
    ".sheet .tint{fill:var(--lane-on);opacity:.14}\n"
    ".sheet .whisker{stroke:var(--lane-on);stroke-width:2}.sheet .dot{fill:var(--lane-on)}\n"
    ".sheet .arc{fill:none;stroke:var(--drop);stroke-width:1.6}.sheet .head{fill:var(--drop)}\n"
    ".sheet .frame{fill:none;stroke:var(--drop);stroke-width:2}\n"
    ".sheet .band{opacity:.13;stroke:none}.sheet .line{fill:none;stroke-width:2;stroke-linejoin:round}\n"
    ".sheet .line0{stroke:var(--lane-on)}.sheet .line1{stroke:var(--did);stroke-dasharray:7 3}\n"
    ".sheet .line2{stroke:var(--drop);stroke-dasharray:2 2}.sheet .line3{stroke:var(--ink);stroke-dasharray:9 3 2 3}\n"
    ".sheet .band0{fill:var(--lane-on)}.sheet .band1{fill:var(--did)}.sheet .band2{fill:var(--drop)}"
    ".sheet .band3{fill:var(--ink)}\n";

SvgAttributes Labelled(std::string_view label) { return {{"class", "sheet"}, {"role", "img"}, {"aria-label", label}}; }

}  // namespace

SvgAttributes Class(std::string_view name, SvgAttributes more) {
  more.emplace_back("class", name);
  return more;
}

std::string InlineSvg(const SvgDrawing& drawing, double width, double height, std::string_view label) {
  return drawing.Document(width, height, Labelled(label), kStyle);
}

std::string SvgFile(const SvgDrawing& drawing, double width, double height, std::string_view label) {
  SvgDrawing page;
  page.Rect(0, 0, width, height, Class("paper", {{"rx", "8"}}));
  page.Append(drawing);
  return page.Document(width, height, Labelled(label), std::string(kColors).append(kStyle));
}

}  // namespace dcp::tools
