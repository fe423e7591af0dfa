// What EvictionPolicy asks of implementations, checked: those that break it are an error, never a corrupt cache or a
// policy that silently does not act.
#ifndef DCP_EVICTION_POLICY_CONTRACT_H_
#define DCP_EVICTION_POLICY_CONTRACT_H_

#include <cstdint>
#include <span>

#include "dcp/eviction_policy.h"

namespace dcp {

// Throws Error(kInvalidArgument) when the methods of the policy contradict each other, or it is for more than `layers`
// layers.
void CheckPolicy(const EvictionPolicy& policy, int layers);

// Whether Select() has a say in what leaves. REQUIRES: the policy of a layer.
bool AsksSelect(const EvictionPolicy& policy);

// When the token at `position` expires as far as that is known from its position. REQUIRES: the policy of a layer,
// chunk_rule() is kExpiry. Throws Error(kInvalidArgument) when that is not later than the token itself.
int32_t ExpiryOf(const EvictionPolicy& policy, int32_t position);

// Throws Error(kInvalidArgument) when `evictions`, given by Select() for `kept` slots, are not earlier slots in
// increasing order.
void CheckEvictions(const EvictionPolicy& policy, std::span<const Eviction> evictions, size_t kept);

}  // namespace dcp

#endif  // DCP_EVICTION_POLICY_CONTRACT_H_
