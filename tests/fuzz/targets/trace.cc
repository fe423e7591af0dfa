// Traces, as dcp-inspect --trace reads them, and all that it shows of one.
#include "common/trace.h"

#include <string>

#include "dcp-inspect/page/page_writer.h"
#include "dcp-inspect/trace/document.h"
#include "dcp-inspect/trace/picture.h"
#include "dcp-inspect/trace/terminal_view.h"
#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dcp;
  using namespace dcp::tools;
  if (size == 0) return 0;
  const std::string_view text = fuzz::AsText(data + 1, size - 1);
  fuzz::Accepts([&] {
    NamedTrace trace{ReadTrace(text, data[0] % 2, "t.json"), "model", "learned"};
    const DropTrace& plain = trace;
    const std::string written = Dump(TraceFile({&plain, 1}));
    const DropTrace again = ReadTrace(written, 0, "again");
    fuzz::Require(again.ids == trace.ids && again.layers.size() == trace.layers.size(),
                  "a trace that is written is read");
    for (size_t l = 0; l < trace.layers.size(); ++l) {
      fuzz::Require(again.layers[l].dropped_at == trace.layers[l].dropped_at, "with its drops");
    }
    const Json document = TraceDocument(trace);
    if (data[0] % 8 == 0) (void)TracePage(document);
    (void)TerminalView(trace, (data[0] & 2) != 0);
    if (trace.size() <= kPictureTokens) (void)TracePicture(trace, ParsePassage(std::nullopt, trace.size()));
  });
  return 0;
}
