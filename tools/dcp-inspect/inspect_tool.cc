#include "dcp-inspect/inspect_tool.h"

#include <cstdlib>
#include <memory>

#include "common/files.h"
#include "common/json.h"
#include "common/measure.h"
#include "dcp-inspect/page_writer.h"
#include "dcp-inspect/terminal_view.h"
#include "dcp-inspect/trace_document.h"
#include "dcp-inspect/trace_source.h"
#include "dcp/error.h"

namespace dcp::tools {
namespace {

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

void CheckSource(const InspectSource& source) {
  const int kinds = source.prompt.has_value() + source.text_file.has_value() + source.prompt_ids.has_value() +
                    source.trace_file.has_value();
  if (kinds != 1) {
    Reject(std::string(kinds == 0 ? "no text: give one of " : "more than one kind of text: give only one of ") +
           "--prompt, --text, --prompt-ids, --trace");
  }
  if (source.generate < 0) Reject("--generate is " + std::to_string(source.generate) + ", at least 0 is needed");
  if (source.trace_file && (source.generate > 0 || source.skip > 0 || source.max_tokens > 0)) {
    Reject("--trace is shown as it is: --generate, --skip and --max-tokens need --prompt, --text or --prompt-ids");
  }
  source.sampling.Validate();
}

// What can be known to be wrong before the model is loaded.
void CheckOptions(const InspectOptions& options) {
  CheckNames(options.model);
  CheckSource(options.source);
  if (options.model.model.empty() && !options.source.trace_file) Reject("--model is required (see --help)");
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

}  // namespace

int RunInspect(const InspectOptions& options, ToolIo& io) {
  CheckOptions(options);
  const auto html = OpenIfNamed(options.html_file);
  const auto json = OpenIfNamed(options.json_file);
  const DropTrace trace = options.source.trace_file ? TraceFromFile(options, io) : TraceModel(options, io);

  if (html || options.json_file) {
    const Json document = TraceDocument(trace);
    if (html) {
      const std::string page = TracePage(document);
      html->Commit(page);
      io.err << *options.html_file << ": " << HumanBytes(static_cast<double>(page.size())) << '\n' << std::flush;
    }
    if (json) json->Commit(Dump(document));
    if (options.json_file == "-") WriteOut(io, Dump(document));
  } else {
    WriteOut(io, TerminalView(trace, UseColor(options.color, io)));
  }
  return kExitDone;
}

}  // namespace dcp::tools
