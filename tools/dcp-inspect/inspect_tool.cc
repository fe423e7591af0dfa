#include "dcp-inspect/inspect_tool.h"

#include <cstdlib>
#include <memory>

#include "common/files.h"
#include "common/json.h"
#include "common/measure.h"
#include "dcp-inspect/page/page_writer.h"
#include "dcp-inspect/stats/charts.h"
#include "dcp-inspect/stats/corpus_windows.h"
#include "dcp-inspect/stats/document.h"
#include "dcp-inspect/stats/table.h"
#include "dcp-inspect/trace/document.h"
#include "dcp-inspect/trace/picture.h"
#include "dcp-inspect/trace/source.h"
#include "dcp-inspect/trace/terminal_view.h"
#include "dcp/error.h"

namespace dcp::tools {
namespace {

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

void CheckSource(const InspectSource& source, bool stats) {
  const int kinds =
      source.prompt.has_value() + !source.texts.empty() + source.prompt_ids.has_value() + source.trace_file.has_value();
  if (kinds != 1) {
    Reject(std::string(kinds == 0 ? "no text: give one of " : "more than one kind of text: give only one of ") +
           "--prompt, --text, --prompt-ids, --trace");
  }
  if (stats && source.texts.empty()) Reject("--stats measures over --text only");
  if (source.texts.size() > 1 && !stats) {
    Reject("--text was given " + std::to_string(source.texts.size()) + " times, but only --stats takes several");
  }
  if (source.generate < 0) Reject("--generate is " + std::to_string(source.generate) + ", at least 0 is needed");
  if (stats && (source.generate > 0 || source.skip > 0)) Reject("--stats reads whole texts: no --generate, no --skip");
  if (source.trace_file && (source.generate > 0 || source.skip > 0 || source.max_tokens > 0)) {
    Reject("--trace is shown as it is: --generate, --skip and --max-tokens need --prompt, --text or --prompt-ids");
  }
  source.sampling.Validate();
}

void CheckAtLeast(const char* name, int value, int least) {
  if (value >= least) return;
  Reject(std::string(name) + " is " + std::to_string(value) + ", at least " + std::to_string(least) + " is needed");
}

void CheckStats(const StatsOptions& stats) {
  CheckAtLeast("--context", stats.context, 0);
  CheckAtLeast("--horizon", stats.horizon, 0);
  CheckAtLeast("--windows", stats.windows, 0);
  CheckAtLeast("--batch", stats.batch, 1);
  CheckAtLeast("--resamples", stats.resamples, 1);
}

// What can be known to be wrong before the model is loaded.
void CheckOptions(const InspectOptions& options) {
  CheckSource(options.source, options.stats.on);
  CheckStats(options.stats);
  if (options.model.model.empty() && !options.source.trace_file) Reject("--model is required (see --help)");
  if (options.show && (!options.svg_file || options.stats.on)) Reject("--show chooses what --svg draws of a text");
  if (options.color != "auto" && options.color != "always" && options.color != "never") {
    Reject("--color is \"" + options.color + "\", expected auto, always or never");
  }
}

// https://no-color.org: set and not empty, whatever its value.
bool UseColor(const std::string& when, const ToolIo& io) {
  if (when != "auto") return when == "always";
  const char* const no_color = std::getenv("NO_COLOR");
  return io.out_is_terminal && (no_color == nullptr || *no_color == '\0');
}

std::unique_ptr<OutputFile> OpenIfNamed(const std::optional<std::string>& path) {
  return path && *path != "-" ? std::make_unique<OutputFile>(*path) : nullptr;
}

// The files that were asked for. Opened before the work, so that a place that cannot be written is known at once.
class Outputs {
 public:
  Outputs(const InspectOptions& options, ToolIo& io)
      : io_(io),
        html_(OpenIfNamed(options.html_file)),
        svg_(OpenIfNamed(options.svg_file)),
        json_(OpenIfNamed(options.json_file)),
        json_to_stdout_(options.json_file == "-"),
        html_name_(options.html_file.value_or("")) {}

  bool html() const { return html_ != nullptr; }
  bool svg() const { return svg_ != nullptr; }
  bool any() const { return html_ || svg_ || json_ || json_to_stdout_; }

  void Html(const std::string& page) {
    html_->Commit(page);
    io_.err << html_name_ << ": " << HumanBytes(static_cast<double>(page.size())) << '\n' << std::flush;
  }
  void Svg(const std::string& picture) { svg_->Commit(picture); }
  void JsonWhereAsked(const Json& document) {
    if (json_) json_->Commit(Dump(document));
    if (json_to_stdout_) WriteOut(io_, Dump(document));
  }

 private:
  ToolIo& io_;
  std::unique_ptr<OutputFile> html_;
  std::unique_ptr<OutputFile> svg_;
  std::unique_ptr<OutputFile> json_;
  bool json_to_stdout_;
  std::string html_name_;
};

void RunStats(const InspectOptions& options, Outputs& outputs, ToolIo& io) {
  const CorpusReport report = MeasureCorpus(options, io);
  const Json document = StatsDocument(report);
  if (outputs.html()) outputs.Html(StatsPage(document, StatsSections(report)));
  if (outputs.svg()) outputs.Svg(StatsPicture(report));
  outputs.JsonWhereAsked(document);
  if (!outputs.any()) WriteOut(io, StatsTable(report));
}

void RunTrace(const InspectOptions& options, Outputs& outputs, ToolIo& io) {
  const DropTrace trace = options.source.trace_file ? TraceFromFile(options, io) : TraceModel(options, io);
  const Json document = TraceDocument(trace);
  if (outputs.svg()) outputs.Svg(TracePicture(trace, ParsePassage(options.show, trace.tokens())));
  if (outputs.html()) outputs.Html(TracePage(document));
  outputs.JsonWhereAsked(document);
  if (!outputs.any()) WriteOut(io, TerminalView(trace, UseColor(options.color, io)));
}

}  // namespace

int RunInspect(const InspectOptions& options, ToolIo& io) {
  CheckOptions(options);
  Outputs outputs(options, io);
  options.stats.on ? RunStats(options, outputs, io) : RunTrace(options, outputs, io);
  return kExitDone;
}

}  // namespace dcp::tools
