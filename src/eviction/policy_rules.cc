#include "eviction/policy_rules.h"

#include <algorithm>
#include <utility>

#include "eviction/policy_contract.h"

namespace dcp {

PolicyRules::PolicyRules(std::shared_ptr<const EvictionPolicy> of, int layer_count, int eviction_delay)
    : policy(std::move(of)) {
  CheckPolicy(*policy, layer_count);
  for (int layer = 0; layer < layer_count; ++layer) {
    const EvictionPolicy& rule = policy->ForLayer(layer);
    layers.push_back({&rule, rule.chunk_rule(), dcp::AsksSelect(rule), rule.NeedsAttention(), rule.NeedsInteraction(),
                      rule.FollowsDelay() ? eviction_delay : 0});
    decides.push_back(rule.chunk_rule() != EvictionPolicy::ChunkRule::kExpiry);
  }
}

bool PolicyRules::AsksSelect() const {
  return std::any_of(layers.begin(), layers.end(), [](const LayerRule& rule) { return rule.asks_select; });
}

}  // namespace dcp
