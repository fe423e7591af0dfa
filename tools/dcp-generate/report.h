// What dcp-generate writes once the work is done: the documents of --json, --trace and --logits, and the summary line.
#ifndef DCP_TOOLS_DCP_GENERATE_REPORT_H_
#define DCP_TOOLS_DCP_GENERATE_REPORT_H_

#include <string>
#include <vector>

#include "common/json.h"
#include "dcp-generate/prompts.h"
#include "dcp/generate.h"
#include "dcp/session.h"
#include "dcp/tokenizer.h"

namespace dcp::tools {

// What the report says beside the result.
struct ReportContext {
  const Session& session;
  const Tokenizer* tokenizer;                // null: none
  const std::vector<ToolRequest>& requests;  // those of the result
  const std::string& model;                  // the path as given
  int threads;
};

// {"model", "policy", "weights", "kv", "threads", "sequences": [..], "stats": {..}}.
Json ResultDocument(const GenerateResult& result, const ReportContext& context);

// A sequence as it stands in "sequences", with the place of its request as "index", and without "kept".
Json ResultLine(const GeneratedSequence& sequence, const ReportContext& context);

// The traces of all sequences, see TraceFile.
Json TracesDocument(const GenerateResult& result, int eviction_delay, const Tokenizer* tokenizer);

// {"sequences": [{"prompt_logits": [V numbers of 9 significant digits]}]}: the logits after each prompt.
Json LogitsDocument(const GenerateResult& result);

// "32 tokens: 76.2 tokens/s; sparsity 0.912 at context 95; KV cache 1.20 MiB reserved, dense 4.50 MiB".
std::string SummaryLine(const GenerateResult& result);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_GENERATE_REPORT_H_
