// The trained decisions: token n drops token j when s(n, j) <= tau (Anagnostidis et al. 2023, section 3; SPEC section
// 1).
#include <string>

#include "eviction/policies.h"

namespace dcp {
namespace {

class LearnedPolicy final : public EvictionPolicy {
 public:
  explicit LearnedPolicy(const PolicySpec& spec)
      : threshold_(spec.threshold), cap_(static_cast<size_t>(spec.max_kept)) {}

  std::string name() const override { return PolicyName("learned", threshold_, static_cast<int>(cap_)); }
  bool NeedsInteraction() const override { return true; }
  bool FollowsDelay() const override { return true; }
  ChunkRule chunk_rule() const override { return cap_ > 0 ? ChunkRule::kTokenByToken : ChunkRule::kThreshold; }
  float threshold() const override { return threshold_; }

  void Select(const SlotsView& slots, std::vector<Eviction>& evictions) const override {
    if (!slots.expires.empty()) return SelectDelayed(slots, evictions);
    for (size_t i = 0; i < slots.scores.size(); ++i) {
      if (slots.scores[i] <= threshold_) evictions.push_back({static_cast<uint32_t>(i), slots.scores[i]});
    }
    const size_t kept = slots.positions.size() - evictions.size();
    if (cap_ > 0 && kept > cap_) EvictDownToCap(slots, kept - cap_, evictions);
  }

 private:
  // The first decision about a slot counts, later ones change nothing.
  void SelectDelayed(const SlotsView& slots, std::vector<Eviction>& evictions) const {
    size_t kept = slots.positions.size();
    for (size_t i = 0; i < slots.scores.size(); ++i) {
      if (slots.expires[i] <= slots.position) --kept;
      if (slots.expires[i] != kNever || slots.scores[i] > threshold_) continue;
      evictions.push_back({static_cast<uint32_t>(i), slots.scores[i], true});
    }
    if (cap_ > 0 && kept > cap_) EvictDownToCapNow(slots, kept - cap_, evictions);
  }

  // The cap does not wait: doomed slots go first, and what goes has no score, because no decision of the model ended
  // it.
  void EvictDownToCapNow(const SlotsView& slots, size_t count, std::vector<Eviction>& evictions) const {
    const auto candidate_of = [&](size_t i) -> std::optional<EvictionCandidate> {
      if (slots.expires[i] <= slots.position) return std::nullopt;
      const bool doomed = slots.expires[i] != kNever || slots.scores[i] <= threshold_;
      return EvictionCandidate{slots.scores[i], slots.positions[i], {static_cast<uint32_t>(i)}, doomed};
    };
    EvictLeastWorthy(slots.scores.size(), count, candidate_of, evictions);
  }

  void EvictDownToCap(const SlotsView& slots, size_t count, std::vector<Eviction>& evictions) const {
    const auto candidate_of = [&](size_t i) -> std::optional<EvictionCandidate> {
      const float score = slots.scores[i];
      if (score <= threshold_) return std::nullopt;
      return EvictionCandidate{score, slots.positions[i], {static_cast<uint32_t>(i), score}};
    };
    EvictLeastWorthy(slots.scores.size(), count, candidate_of, evictions);
  }

  float threshold_;
  size_t cap_;  // 0: none
};

}  // namespace

std::shared_ptr<const EvictionPolicy> MakeLearnedPolicy(const PolicySpec& spec) {
  return std::make_shared<LearnedPolicy>(spec);
}

}  // namespace dcp
