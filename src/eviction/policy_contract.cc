#include "eviction/policy_contract.h"

#include <string>

#include "dcp/error.h"

namespace dcp {
namespace {

[[noreturn]] void Reject(const EvictionPolicy& policy, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "policy \"" + policy.name() + "\": " + why);
}

// A layer of the policy must not need what the policy says that it does not.
void RequireSaid(const EvictionPolicy& policy, int layer, const char* need, bool needed, bool said) {
  if (!needed || said) return;
  Reject(policy, std::string(need) + " is false, must be true: it is for layer " + std::to_string(layer));
}

void CheckRule(const EvictionPolicy& policy) {
  using Rule = EvictionPolicy::ChunkRule;
  const Rule rule = policy.chunk_rule();
  if (rule == Rule::kExpiry && policy.FollowsDelay()) {
    Reject(policy,
           "chunk_rule is kExpiry and FollowsDelay is true, must be false: what expires by position cannot wait");
  }
  if (rule == Rule::kThreshold && !policy.NeedsInteraction()) {
    Reject(policy,
           "chunk_rule is kThreshold and NeedsInteraction is false, must be true: there are no scores otherwise");
  }
  if (rule != Rule::kTokenByToken && policy.NeedsAttention()) {
    Reject(policy, "NeedsAttention is true, must be false unless chunk_rule is kTokenByToken: chunks accumulate none");
  }
}

}  // namespace

EvictionPolicy::~EvictionPolicy() = default;

void CheckPolicy(const EvictionPolicy& policy, int layers) {
  if (policy.LeastLayers() > layers) {
    Reject(policy, "names layer " + std::to_string(policy.LeastLayers() - 1) + ", the model has " +
                       std::to_string(layers) + ": 0 to " + std::to_string(layers - 1));
  }
  for (int layer = 0; layer < layers; ++layer) {
    const EvictionPolicy& rule = policy.ForLayer(layer);
    CheckRule(rule);
    RequireSaid(policy, layer, "NeedsInteraction", rule.NeedsInteraction(), policy.NeedsInteraction());
    RequireSaid(policy, layer, "NeedsAttention", rule.NeedsAttention(), policy.NeedsAttention());
    RequireSaid(policy, layer, "FollowsDelay", rule.FollowsDelay(), policy.FollowsDelay());
  }
}

bool AsksSelect(const EvictionPolicy& policy) {
  return policy.chunk_rule() != EvictionPolicy::ChunkRule::kExpiry || policy.NeedsInteraction();
}

int32_t ExpiryOf(const EvictionPolicy& policy, int32_t position) {
  const int32_t expires = policy.ExpiresAt(position);
  if (expires <= position) {
    Reject(policy, "ExpiresAt(" + std::to_string(position) + ") is " + std::to_string(expires) + ", must be at least " +
                       std::to_string(position + 1));
  }
  return expires;
}

void CheckEvictions(const EvictionPolicy& policy, std::span<const Eviction> evictions, size_t kept) {
  for (size_t i = 0; i < evictions.size(); ++i) {
    const uint32_t slot = evictions[i].slot;
    if (slot + size_t{1} >= kept) {
      Reject(policy, "evicted slot is " + std::to_string(slot) + ", must be below the last of " + std::to_string(kept) +
                         " slots");
    }
    if (i > 0 && evictions[i - 1].slot >= slot) {
      Reject(policy, "evicted slots are " + std::to_string(evictions[i - 1].slot) + " and then " +
                         std::to_string(slot) + ", must increase");
    }
  }
}

}  // namespace dcp
