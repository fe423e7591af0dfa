#include "dcp-inspect/inspect_tool.h"

#include <cstdlib>
#include <ostream>

#include "common/json.h"
#include "common/measure.h"
#include "common/report_file.h"
#include "dcp-inspect/page/page_writer.h"
#include "dcp-inspect/stats/charts.h"
#include "dcp-inspect/stats/document.h"
#include "dcp-inspect/stats/measure.h"
#include "dcp-inspect/stats/table.h"
#include "dcp-inspect/trace/document.h"
#include "dcp-inspect/trace/picture.h"
#include "dcp-inspect/trace/source.h"
#include "dcp-inspect/trace/terminal_view.h"

namespace dcp::tools {
namespace {

constexpr ToolText kText = {
    "dcp-inspect", "Shows what each layer of a model forgot of a text, when, and at whose word.",
    "Examples:\n"
    "  dcp-inspect --model models/books --text book.txt --max-tokens 400\n"
    "  dcp-inspect --model models/books --prompt \"The old man\" --generate 400 --html forgets.html\n"
    "  dcp-inspect --model models/books --text book.txt --max-tokens 200 --html forgets.html --json forgets.json\n"
    "  dcp-generate --model DIR --prompt A --trace trace.json; dcp-inspect --trace trace.json --html forgets.html\n"
    "  dcp-inspect --model models/books --text books/ --stats --windows 200 --html stats.html\n"
    "\n"
    "Without --html, --svg and --json the text itself goes to standard output, faded where layers dropped it; with\n"
    "--stats a table.\n"};

// https://no-color.org: set and not empty, whatever its value.
bool InColor(UseColor when, const ToolIo& io) {
  if (when != UseColor::kAuto) return when == UseColor::kAlways;
  const char* const no_color = std::getenv("NO_COLOR");
  return io.out_is_terminal && (no_color == nullptr || *no_color == '\0');
}

// The files that were asked for, opened before the work is done.
struct Outputs {
  Outputs(const InspectOptions& options, ToolIo& io)
      : html(options.html_file, io), svg(options.svg_file, io), json(options.json_file, io) {}

  bool any() const { return html || svg || json; }

  ReportFile html;
  ReportFile svg;
  ReportFile json;
};

void CommitPage(const std::string& page, const std::string& path, ReportFile& file, ToolIo& io) {
  file.Commit(page);
  io.err << path << ": " << HumanBytes(static_cast<double>(page.size())) << '\n' << std::flush;
}

void RunStats(const InspectOptions& options, Outputs& outputs, ToolIo& io) {
  const CorpusReport report = MeasureCorpus(options, io);
  const Json document = StatsDocument(report);
  if (outputs.html) CommitPage(StatsPage(document, StatsSections(report)), *options.html_file, outputs.html, io);
  if (outputs.svg) outputs.svg.Commit(StatsPicture(report));
  if (outputs.json) outputs.json.Commit(Dump(document));
  if (!outputs.any()) WriteOut(io, StatsTable(report));
}

void RunTrace(const InspectOptions& options, Outputs& outputs, ToolIo& io) {
  const NamedTrace trace = options.source.trace_file ? TraceFromFile(options, io) : TraceModel(options, io);
  const Json document = TraceDocument(trace);
  if (outputs.svg) outputs.svg.Commit(TracePicture(trace, ParsePassage(options.show, trace.size())));
  if (outputs.html) CommitPage(TracePage(document), *options.html_file, outputs.html, io);
  if (outputs.json) outputs.json.Commit(Dump(document));
  if (!outputs.any()) WriteOut(io, TerminalView(trace, InColor(options.color, io)));
}

}  // namespace

int RunInspect(const InspectOptions& options, ToolIo& io) {
  CheckInspectOptions(options);
  Outputs outputs(options, io);
  options.stats.on ? RunStats(options, outputs, io) : RunTrace(options, outputs, io);
  return kExitDone;
}

int InspectMain(std::span<const std::string> args, ToolIo& io) {
  InspectOptions options;
  return RunWithOptions(
      kText, args, io, [&](CLI::App& app) { AddInspectOptions(app, options); },
      [&] { return RunInspect(options, io); });
}

}  // namespace dcp::tools
