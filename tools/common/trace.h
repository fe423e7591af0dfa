// The trace of one sequence - which layer dropped which token, when, at whose word - and the file of traces that
// dcp-generate --trace writes and dcp-inspect --trace reads.
#ifndef DCP_TOOLS_COMMON_TRACE_H_
#define DCP_TOOLS_COMMON_TRACE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"
#include "dcp/generate.h"
#include "dcp/session.h"
#include "dcp/tokenizer.h"
#include "dcp/types.h"

namespace dcp::tools {

struct DropTrace {
  int eviction_delay = 0;           // tokens between a drop's decision and its effect
  size_t prompt_tokens = 0;         // the first tokens, that were given; the rest was generated
  std::vector<TokenId> ids;         // [T] fed tokens
  std::vector<std::string> tokens;  // [T] bytes of each, perhaps not whole characters; empty: there is no tokenizer
  std::vector<DropLog> layers;      // [L], each [T]

  size_t size() const { return ids.size(); }
};

// At whose word: position of the token that dropped `position`, -1 where it was not dropped. See DropLog.
int32_t DroppedBy(const DropLog& layer, size_t position, int eviction_delay);

// The bytes of each id; none for ids beyond the tokenizer's, where a model's vocabulary is padded. Without a tokenizer
// nothing at all.
std::vector<std::string> BytesOf(std::span<const TokenId> ids, const Tokenizer* tokenizer);

// [L] what each layer has dropped of the sequence so far. REQUIRES: the session records drops.
std::vector<DropLog> DropsOf(const Session& session, SequenceId sequence);

// Of all fed ids: all but the last generated one. REQUIRES: drops were recorded.
DropTrace TraceOf(const GeneratedSequence& sequence, int eviction_delay, const Tokenizer* tokenizer);

// {"prompt_tokens", "ids", "tokens", "layers": [{"dropped_at", "dropped_by_score"}]}; a score is null where there is
// none.
Json TraceEntry(const DropTrace& trace);

// The file: {"sequences": [entries]}. Of a model whose drops wait, "eviction_delay" comes first; absent: 0.
// REQUIRES: all traces have the same delay.
Json TraceFile(std::span<const DropTrace> traces);

// Sequence number `sequence` of such a file; messages begin with `source`. Throws dcp::Error(kInvalidArgument) for what
// is missing, of the wrong type, or impossible: every layer has as many entries as there are tokens, and every drop is
// decided by a later token and takes effect within the sequence.
DropTrace ReadTrace(std::string_view text, size_t sequence, const std::string& source);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_TRACE_H_
