// Layers that go by different rules.
#include <algorithm>
#include <string>
#include <utility>

#include "dcp/error.h"
#include "eviction/policies.h"

namespace dcp {
namespace {

class LayeredPolicy final : public EvictionPolicy {
 public:
  explicit LayeredPolicy(const PolicySpec& spec) : name_(PolicyName(spec)) {
    for (const PolicySpec& rule : RulesOf(spec)) {
      const Policy policy = MakeRule(rule);
      for (const LayerRange& range : rule.layers) rules_.emplace_back(range, policy);
      if (rule.layers.empty()) rest_ = policy;
    }
    if (rest_ == nullptr) {
      PolicySpec dense;
      dense.max_kept = spec.max_kept;
      rest_ = MakeRule(dense);
    }
  }

  std::string name() const override { return name_; }

  bool NeedsInteraction() const override { return AnyRule(&EvictionPolicy::NeedsInteraction); }
  bool NeedsAttention() const override { return AnyRule(&EvictionPolicy::NeedsAttention); }
  bool FollowsDelay() const override { return AnyRule(&EvictionPolicy::FollowsDelay); }

  const EvictionPolicy& ForLayer(int layer) const override {
    for (const auto& [layers, policy] : rules_) {
      if (layers.first <= layer && layer <= layers.last) return *policy;
    }
    return *rest_;
  }

  int LeastLayers() const override {
    int least = 1;
    for (const auto& [layers, policy] : rules_) least = std::max(least, layers.last + 1);
    return least;
  }

  // Layers are asked, never all of them at once.
  void Select(const SlotsView&, std::vector<Eviction>&) const override {
    throw Error(ErrorCode::kInternal, "policy \"" + name_ + "\": was asked for all layers at once");
  }

 private:
  using Policy = std::shared_ptr<const EvictionPolicy>;

  bool AnyRule(bool (EvictionPolicy::*needs)() const) const {
    const auto has = [&](const auto& rule) { return (*rule.second.*needs)(); };
    return ((*rest_).*needs)() || std::any_of(rules_.begin(), rules_.end(), has);
  }

  std::string name_;
  std::vector<std::pair<LayerRange, Policy>> rules_;
  Policy rest_;  // of the layers that no rule names
};

}  // namespace

std::shared_ptr<const EvictionPolicy> MakeLayeredPolicy(const PolicySpec& spec) {
  return std::make_shared<LayeredPolicy>(spec);
}

}  // namespace dcp
