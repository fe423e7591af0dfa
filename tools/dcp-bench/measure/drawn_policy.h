// Decisions of a wanted sparsity for models whose own decisions mean nothing, because their weights are random.
#ifndef DCP_TOOLS_DCP_BENCH_MEASURE_DRAWN_POLICY_H_
#define DCP_TOOLS_DCP_BENCH_MEASURE_DRAWN_POLICY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dcp/eviction_policy.h"

namespace dcp::tools {

// Does in decode what the learned policy does - every earlier token is scored against the interaction keys in the
// cache, every score is compared, evicted slots are closed - but which tokens go was drawn beforehand. All layers and
// sequences draw alike.
//
// With a sparsity X, token j is dropped by token T(j) = ceil((j + 1) u_j^(-(1-X)/X)), u_j evenly spread over (0, 1]. A
// token at position n thus still has token j with probability ((j + 1) / n)^(X/(1-X)), whose mean over j is 1 - X: at
// every context a layer keeps that share of the earlier tokens, and tokens go at all ages, most of them young. u_j is
// the fractional part of a multiple of the golden ratio, so that the share is met within about a token, not only on
// average.
//
// With a number of kept tokens N, every token from the N-th on drops one of the N before it, all ages alike: at every
// context from N on, N tokens are kept, the current one included.
//
// Prefill: what goes is known from positions alone, so chunks take the fast path (ChunkRule::kExpiry), which does not
// compute scores. That is meant for filling a cache before decode is timed; to time prefill itself use
// MakeScoringPolicy.
class DrawnPolicy final : public EvictionPolicy {
 public:
  // `sparsity` X in [0, 1); `positions` P.
  static DrawnPolicy WithSparsity(double sparsity, int positions);

  // `kept` N, at least 2.
  static DrawnPolicy WithKept(int kept, int positions);

  std::string name() const override { return name_; }
  bool NeedsInteraction() const override { return true; }
  void Select(const SlotsView& slots, std::vector<Eviction>& evictions) const override;
  ChunkRule chunk_rule() const override { return ChunkRule::kExpiry; }
  int32_t ExpiresAt(int32_t position) const override { return expires_[static_cast<size_t>(position)]; }

 private:
  DrawnPolicy(std::string name, std::vector<int32_t> expires) : name_(std::move(name)), expires_(std::move(expires)) {}

  std::string name_;
  std::vector<int32_t> expires_;  // [P]
};

// Scores everything and drops nothing: the most that a prefill under learned decisions can cost.
std::shared_ptr<const EvictionPolicy> MakeScoringPolicy();

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_MEASURE_DRAWN_POLICY_H_
