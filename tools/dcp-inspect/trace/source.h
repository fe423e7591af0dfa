// Gets the trace that dcp-inspect shows: from a model that reads a text, or from a file that dcp-generate --trace
// wrote.
#ifndef DCP_TOOLS_DCP_INSPECT_TRACE_SOURCE_H_
#define DCP_TOOLS_DCP_INSPECT_TRACE_SOURCE_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/model_options.h"
#include "common/tool.h"
#include "dcp-inspect/inspect_tool.h"
#include "dcp-inspect/trace/summary.h"

namespace dcp::tools {

// Runs the model over the prompt, and lets it generate where asked. Throws dcp::Error, also when the prompt is empty or
// longer than the model's positions.
DropTrace TraceModel(const InspectOptions& options, ToolIo& io);

// The model's name as pages tell it: folders without the path to them, which concerns nobody else.
std::string ModelName(const ModelToolOptions& options);

// The bytes of each id; none for ids beyond the tokenizer's, where a model's vocabulary is padded.
std::vector<std::string> BytesOf(std::span<const TokenId> ids, const Tokenizer& tokenizer);

// One sequence of a trace file. Where the options name a model, its tokenizer tells the exact bytes of the ids, which
// JSON text cannot always hold.
DropTrace TraceFromFile(const InspectOptions& options, ToolIo& io);

// Sequence number `sequence` of such a document; messages begin with `source`. Throws dcp::Error(kInvalidArgument) for
// what is missing, of the wrong type, or impossible.
DropTrace ParseTrace(std::string_view json, size_t sequence, const std::string& source);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_TRACE_SOURCE_H_
