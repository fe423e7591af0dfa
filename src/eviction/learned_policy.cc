// The trained decisions: token n drops token j when s(n, j) <= tau (Anagnostidis et al. 2023, section 3;
// docs/design.md, "The decision").
#include <string>

#include "eviction/policies.h"

namespace dcp {
namespace {

class LearnedPolicy final : public EvictionPolicy {
 public:
  explicit LearnedPolicy(const PolicySpec& spec)
      : spec_(spec), threshold_(spec.threshold), cap_(static_cast<size_t>(spec.max_kept)) {}

  std::string name() const override { return PolicyName(spec_); }
  bool NeedsInteraction() const override { return true; }
  bool FollowsDelay() const override { return true; }
  ChunkRule chunk_rule() const override { return cap_ > 0 ? ChunkRule::kTokenByToken : ChunkRule::kThreshold; }
  float threshold() const override { return threshold_; }

  void Select(const SlotsView& slots, std::vector<Eviction>& evictions) const override {
    size_t kept = slots.positions.size();
    for (size_t i = 0; i < slots.scores.size(); ++i) {
      const bool decided = Decides(slots, i);
      if (decided) evictions.push_back({static_cast<uint32_t>(i), slots.scores[i], true});
      if (ExpiryOf(slots, i, decided) <= slots.position) --kept;
    }
    if (cap_ > 0 && kept > cap_) EvictDownToCap(slots, kept - cap_, evictions);
  }

 private:
  // Whether this token drops a slot. The first decision about a slot counts, later ones change nothing.
  bool Decides(const SlotsView& slots, size_t i) const {
    return slots.scores[i] <= threshold_ && slots.expires[i] == kNever;
  }

  static int32_t ExpiryOf(const SlotsView& slots, size_t i, bool decided) {
    return decided ? slots.position + slots.delay : slots.expires[i];
  }

  // The cap does not wait: doomed slots go first. Where drops wait, what it evicts has no score, because no decision of
  // the model ended it.
  void EvictDownToCap(const SlotsView& slots, size_t count, std::vector<Eviction>& evictions) const {
    const auto candidate_of = [&](size_t i) -> std::optional<EvictionCandidate> {
      const int32_t expires = ExpiryOf(slots, i, Decides(slots, i));
      if (expires <= slots.position) return std::nullopt;
      Eviction eviction{static_cast<uint32_t>(i)};
      if (slots.delay == 0) eviction.score = slots.scores[i];
      return EvictionCandidate{slots.scores[i], slots.positions[i], eviction, expires != kNever};
    };
    EvictLeastWorthy(slots.scores.size(), count, candidate_of, evictions);
  }

  PolicySpec spec_;
  float threshold_;
  size_t cap_;  // 0: none
};

}  // namespace

std::shared_ptr<const EvictionPolicy> MakeLearnedPolicy(const PolicySpec& spec) {
  return std::make_shared<LearnedPolicy>(spec);
}

}  // namespace dcp
