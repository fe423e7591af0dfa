// Every policy by its literal definition, one token at a time: what the fast path's evictions are checked against.
#ifndef DCP_TESTS_REFERENCE_ORACLE_POLICY_H_
#define DCP_TESTS_REFERENCE_ORACLE_POLICY_H_

#include <limits>
#include <vector>

#include "dcp/eviction_policy.h"

namespace dcp::reference {

// What one layer knows when token n decides. `scores` and `attention` are indexed by position, 0 .. n.
struct TokenView {
  int n = 0;
  const double* scores = nullptr;     // [n] s(n, j); null when the model has no interaction tensors
  const double* attention = nullptr;  // [n] attention that each token received from queries before n, over all heads
};

// The rule of one layer: the one that names it, else the one that names no layer, else none is dropped. Threshold and
// cap are those of `spec`.
PolicySpec RuleOfLayer(const PolicySpec& spec, int layer);

// Clears kept[j] for every earlier token j that token n drops (kept[n] is set and stays set). Returns how far the
// nearest decision was from going the other way: the smallest |s - tau|, or the gap between the last token that a cap
// dropped and the first that it spared; infinity where positions alone decide.
double DropForToken(const PolicySpec& spec, const TokenView& view, std::vector<bool>& kept);

// The same for the learned policy of a model with an eviction delay of `delay` tokens. decided_by[j] is the first token
// whose score dropped j, -1 while there is none; j leaves when token decided_by[j] + delay comes, or when a cap takes
// it: tokens already decided about before others, the lowest score first.
double DropWithDelay(const PolicySpec& spec, const TokenView& view, int delay, std::vector<int>& decided_by,
                     std::vector<bool>& kept);

}  // namespace dcp::reference

#endif  // DCP_TESTS_REFERENCE_ORACLE_POLICY_H_
