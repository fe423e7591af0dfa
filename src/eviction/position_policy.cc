// Policies that look at positions only: dense, window, sinks (StreamingLLM, Xiao et al. 2023), strided (Child et al.
// 2019).
#include <string>

#include "eviction/policies.h"

namespace dcp {
namespace {

class PositionPolicy final : public EvictionPolicy {
 public:
  explicit PositionPolicy(const PolicySpec& spec) : spec_(spec), window_(spec.window) {
    // A cap on rules without protected tokens is a (smaller) window.
    const bool protects = spec.kind == PolicySpec::Kind::kSinks || spec.kind == PolicySpec::Kind::kStrided;
    if (protects) {
      cap_ = static_cast<size_t>(spec.max_kept);
    } else if (spec.max_kept > 0 && (window_ == 0 || spec.max_kept < window_)) {
      window_ = spec.max_kept;
    }
  }

  std::string name() const override { return PolicyName(spec_); }

  ChunkRule chunk_rule() const override { return cap_ > 0 ? ChunkRule::kTokenByToken : ChunkRule::kExpiry; }

  int32_t ExpiresAt(int32_t position) const override {
    if (window_ == 0 || Protected(position) || position > kNever - window_) return kNever;
    return position + window_;
  }

  void Select(const SlotsView& slots, std::vector<Eviction>& evictions) const override {
    const size_t earlier = slots.positions.size() - 1;
    for (size_t i = 0; i < earlier; ++i) {
      if (ExpiresAt(slots.positions[i]) <= slots.position) evictions.push_back({static_cast<uint32_t>(i)});
    }
    const size_t kept = slots.positions.size() - evictions.size();
    if (cap_ > 0 && kept > cap_) EvictDownToCap(slots, kept - cap_, evictions);
  }

 private:
  bool Protected(int32_t position) const {
    if (spec_.kind == PolicySpec::Kind::kSinks) return position < spec_.sinks;
    return spec_.kind == PolicySpec::Kind::kStrided && position % spec_.stride == 0;
  }

  // The oldest go first, protected tokens last.
  void EvictDownToCap(const SlotsView& slots, size_t count, std::vector<Eviction>& evictions) const {
    const auto candidate_of = [&](size_t i) -> std::optional<EvictionCandidate> {
      const int32_t position = slots.positions[i];
      if (ExpiresAt(position) <= slots.position) return std::nullopt;
      return EvictionCandidate{Protected(position) ? 1.0 : 0.0, position, {static_cast<uint32_t>(i)}};
    };
    EvictLeastWorthy(slots.positions.size() - 1, count, candidate_of, evictions);
  }

  PolicySpec spec_;
  int32_t window_;  // 0: none
  size_t cap_ = 0;  // 0: none beside the window
};

}  // namespace

std::shared_ptr<const EvictionPolicy> MakePositionPolicy(const PolicySpec& spec) {
  return std::make_shared<PositionPolicy>(spec);
}

}  // namespace dcp
