// What every layer forgot of one sequence: which token, when, at whose word - and the numbers that sum it up.
#ifndef DCP_TOOLS_DCP_INSPECT_TRACE_SUMMARY_H_
#define DCP_TOOLS_DCP_INSPECT_TRACE_SUMMARY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dcp/session.h"
#include "dcp/types.h"

namespace dcp::tools {

struct DropTrace {
  std::string model;               // name to show; empty: not known
  std::string policy;              // as EvictionPolicy::name(); empty: not known
  int eviction_delay = 0;          // tokens between a drop's decision and its effect
  size_t prompt_tokens = 0;        // the first tokens, that were given; the rest was generated
  std::vector<TokenId> ids;        // [T] fed tokens
  std::vector<std::string> bytes;  // [T] of each token, perhaps not whole characters; empty: there is no tokenizer
  std::vector<DropLog> layers;     // [L], each [T]

  size_t tokens() const { return ids.size(); }
};

struct LayerSummary {
  size_t kept = 0;           // tokens still there after the last one
  double sparsity = 0;       // share of the T-1 tokens before the last one that are dropped when it attends
  double mean_lifetime = 0;  // tokens from a token's own to the first that no longer attends it; what is never dropped
                             // counts to the end of the sequence
  double median_lifetime = 0;
};

LayerSummary Summarize(const DropLog& layer);

// Means over the layers; `kept` is the sum.
LayerSummary SummarizeAll(const DropTrace& trace);

// Tokens from `position` to the first that no longer attends it, or to the end of the sequence.
size_t Lifetime(const DropLog& layer, size_t position);

// At whose word: position of the token that dropped `position`, -1 where it was not dropped. See DropLog.
int32_t DroppedBy(const DropLog& layer, size_t position, int eviction_delay);

// [T] share of the layers that dropped each token by the end.
std::vector<double> DroppedShare(const DropTrace& trace);

// Throws dcp::Error(kInvalidArgument) beginning with `source` unless every layer has as many entries as there are
// tokens and every drop is decided by a later token, and takes effect within the sequence.
void CheckTrace(const DropTrace& trace, const std::string& source);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_TRACE_SUMMARY_H_
