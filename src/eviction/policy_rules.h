// What a policy says of each layer, asked once.
#ifndef DCP_EVICTION_POLICY_RULES_H_
#define DCP_EVICTION_POLICY_RULES_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "dcp/eviction_policy.h"

namespace dcp {

struct LayerRule {
  const EvictionPolicy* policy = nullptr;
  EvictionPolicy::ChunkRule chunk = EvictionPolicy::ChunkRule::kTokenByToken;
  bool asks_select = false;
  bool attention = false;    // reads attention
  bool interaction = false;  // reads scores
  int32_t delay = 0;         // W of its drops

  bool by_chunk() const { return chunk != EvictionPolicy::ChunkRule::kTokenByToken; }
};

// The rules of a sequence. Immutable; sequences share them.
struct PolicyRules {
  // For a model of so many layers, trained with an eviction delay. Throws Error(kInvalidArgument) when the methods of
  // the policy contradict each other or name other layers.
  PolicyRules(std::shared_ptr<const EvictionPolicy> of, int layer_count, int eviction_delay);

  bool AsksSelect() const;  // in some layer

  std::shared_ptr<const EvictionPolicy> policy;
  std::vector<LayerRule> layers;  // [L]
  // [L] whether drops are decided, where they do not follow from positions alone
  std::vector<bool> decides;
};

}  // namespace dcp

#endif  // DCP_EVICTION_POLICY_RULES_H_
