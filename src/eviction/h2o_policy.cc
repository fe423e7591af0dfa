// H2O (Zhang et al. 2023): within a budget, the most recent tokens and those that received the most attention so far.
#include <string>

#include "eviction/policies.h"

namespace dcp {
namespace {

class H2OPolicy final : public EvictionPolicy {
 public:
  explicit H2OPolicy(const PolicySpec& spec)
      : spec_(spec), budget_(spec.max_kept > 0 && spec.max_kept < spec.budget ? spec.max_kept : spec.budget) {}

  std::string name() const override { return PolicyName(spec_); }
  bool NeedsAttention() const override { return true; }

  void Select(const SlotsView& slots, std::vector<Eviction>& evictions) const override {
    const size_t kept = slots.positions.size();
    const size_t budget = static_cast<size_t>(budget_);
    if (kept <= budget) return;
    const int32_t first_recent = slots.position - (budget_ + 1) / 2 + 1;
    const auto candidate_of = [&](size_t i) -> std::optional<EvictionCandidate> {
      if (slots.positions[i] >= first_recent) return std::nullopt;
      return EvictionCandidate{slots.attention[i], slots.positions[i], {static_cast<uint32_t>(i)}};
    };
    EvictLeastWorthy(kept - 1, kept - budget, candidate_of, evictions);
  }

 private:
  PolicySpec spec_;
  int32_t budget_;
};

}  // namespace

std::shared_ptr<const EvictionPolicy> MakeH2OPolicy(const PolicySpec& spec) {
  return std::make_shared<H2OPolicy>(spec);
}

}  // namespace dcp
