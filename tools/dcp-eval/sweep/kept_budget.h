// How many tokens a policy that looks at positions only keeps, and the spec of such a policy that keeps as many as
// another one does. Kept tokens are those that token n finds in one layer when it attends, itself included.
#ifndef DCP_TOOLS_DCP_EVAL_SWEEP_KEPT_BUDGET_H_
#define DCP_TOOLS_DCP_EVAL_SWEEP_KEPT_BUDGET_H_

#include <cstddef>
#include <span>
#include <vector>

#include "common/windows.h"
#include "dcp/eviction_policy.h"

namespace dcp::tools {

// [context] How many scored tokens are predicted by the token at each position of its window: what a mean over scored
// tokens is weighted with.
std::vector<size_t> PredictingPositions(std::span<const Window> windows);

// Exact for dense, window, sinks, strided and h2o. REQUIRES: not learned, no cap (max_kept 0).
size_t KeptAt(const PolicySpec& spec, size_t position);

// Mean of KeptAt over positions weighted with `counts`. REQUIRES: some count is not 0.
double MeanKept(const PolicySpec& spec, std::span<const size_t> counts);

// The spec of that kind whose MeanKept is nearest to `kept`, the smaller one of two. At most 4 sinks. Strided has two
// numbers for one budget: of the pairs within half a token and 1 % of `kept` (or, where there is none, of the nearest)
// it is the one whose window is nearest to half of `kept`; h2o splits its budget in halves too. REQUIRES: kind is
// window, sinks, strided or h2o.
PolicySpec MatchKept(PolicySpec::Kind kind, double kept, std::span<const size_t> counts);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SWEEP_KEPT_BUDGET_H_
