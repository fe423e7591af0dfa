// The document of dcp-inspect --json, which is also what its page is made of.
#ifndef DCP_TOOLS_DCP_INSPECT_TRACE_DOCUMENT_H_
#define DCP_TOOLS_DCP_INSPECT_TRACE_DOCUMENT_H_

#include "common/json.h"
#include "dcp-inspect/trace/summary.h"

namespace dcp::tools {

// {"version": 1, "model", "policy", "prompt_tokens", "ids", "tokens", "shown": {..}, "tokens_seen", "kept", "sparsity",
//  "mean_lifetime", "layers": [{"dropped_at", "dropped_by_score", "kept", "sparsity", "mean_lifetime",
//  "median_lifetime"}]}
// and "eviction_delay" where it is not 0. What a trace file has too is written by TraceEntry. `shown` holds, by
// position, {"text", "bytes"} of the tokens whose text should not be shown as it is; see token_text.h.
Json TraceDocument(const NamedTrace& trace);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_TRACE_DOCUMENT_H_
