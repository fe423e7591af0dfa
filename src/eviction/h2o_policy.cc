// H2O (Zhang et al. 2023): within a budget, the most recent tokens and those that received the most attention so far.
#include <string>

#include "eviction/policies.h"

namespace dcp {
namespace {

class H2OPolicy final : public EvictionPolicy {
 public:
  explicit H2OPolicy(const PolicySpec& spec)
      : spec_(spec), budget_(spec.max_kept > 0 && spec.max_kept < spec.budget ? spec.max_kept : spec.budget) {}

  std::string name() const override { return PolicyName("h2o:" + std::to_string(spec_.budget), 0.0f, spec_.max_kept); }
  bool NeedsAttention() const override { return true; }

  void Select(const SlotsView& slots, std::vector<Eviction>& evictions) const override {
    const size_t kept = slots.positions.size();
    const size_t budget = static_cast<size_t>(budget_);
    if (kept <= budget) return;
    const int32_t first_recent = slots.position - (budget_ + 1) / 2 + 1;
    std::vector<EvictionCandidate>& candidates = CandidateScratch();
    for (size_t i = 0; i + 1 < kept; ++i) {
      if (slots.positions[i] >= first_recent) continue;
      candidates.push_back({slots.attention[i], slots.positions[i], {static_cast<uint32_t>(i)}});
    }
    EvictLeastWorthy(candidates, kept - budget, evictions);
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
