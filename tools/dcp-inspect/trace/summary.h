// The trace that is looked at, and the numbers that sum it up.
#ifndef DCP_TOOLS_DCP_INSPECT_TRACE_SUMMARY_H_
#define DCP_TOOLS_DCP_INSPECT_TRACE_SUMMARY_H_

#include <cstddef>
#include <string>
#include <vector>

#include "common/trace.h"

namespace dcp::tools {

// A trace, and whose it is.
struct NamedTrace : DropTrace {
  std::string model;   // name to show; empty: not known
  std::string policy;  // as EvictionPolicy::name(); empty: not known
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

// [T] share of the layers that dropped each token by the end.
std::vector<double> DroppedShare(const DropTrace& trace);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_TRACE_SUMMARY_H_
