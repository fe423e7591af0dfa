// Gets the trace that dcp-inspect shows: from a model that reads a text, or from a file that dcp-generate --trace
// wrote.
#ifndef DCP_TOOLS_DCP_INSPECT_TRACE_SOURCE_H_
#define DCP_TOOLS_DCP_INSPECT_TRACE_SOURCE_H_

#include "common/tool.h"
#include "dcp-inspect/options.h"
#include "dcp-inspect/trace/summary.h"

namespace dcp::tools {

// Runs the model over the prompt, and lets it generate where asked. Throws dcp::Error, also when the prompt is empty or
// longer than the model's positions.
NamedTrace TraceModel(const InspectOptions& options, ToolIo& io);

// One sequence of a trace file. Where the options name a model, its tokenizer tells the exact bytes of the ids, which
// JSON text cannot always hold.
NamedTrace TraceFromFile(const InspectOptions& options, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_TRACE_SOURCE_H_
