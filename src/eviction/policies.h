// The policies behind MakePolicy.
#ifndef DCP_EVICTION_POLICIES_H_
#define DCP_EVICTION_POLICIES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dcp/eviction_policy.h"

namespace dcp {

// Throws Error(kInvalidArgument) beginning with `source` for values out of range, and for layers with two rules.
void CheckPolicySpec(const PolicySpec& spec, const std::string& source);

// The parts between separators.
std::vector<std::string_view> Split(std::string_view list, char separator);

// One rule as ParsePolicy reads it, its layers included.
std::string SpellRule(const PolicySpec& rule);

// Keeps everything, or what a rule on positions keeps: dense, window, sinks, strided. REQUIRES: a checked spec of these
// kinds.
std::shared_ptr<const EvictionPolicy> MakePositionPolicy(const PolicySpec& spec);

// The trained decisions. REQUIRES: a checked spec.
std::shared_ptr<const EvictionPolicy> MakeLearnedPolicy(const PolicySpec& spec);

// Heavy-hitter oracle (H2O, Zhang et al. 2023). REQUIRES: a checked spec.
std::shared_ptr<const EvictionPolicy> MakeH2OPolicy(const PolicySpec& spec);

// The rules one by one, each with the threshold and the cap of all.
std::vector<PolicySpec> RulesOf(const PolicySpec& spec);

// Each layer by its own rule. REQUIRES: a checked spec whose shares are numbers.
std::shared_ptr<const EvictionPolicy> MakeLayeredPolicy(const PolicySpec& spec);

// The policy of one rule, whatever layers it is for. REQUIRES: a checked spec whose shares are numbers.
std::shared_ptr<const EvictionPolicy> MakeRule(const PolicySpec& rule);

// A slot that may go, and how much it is worth: the doomed go first, then the least worthy, the oldest among equals.
struct EvictionCandidate {
  double worth = 0.0;
  int32_t position = 0;
  Eviction eviction;
  bool doomed = false;  // to be dropped anyway: goes before those that are not
};

// Whether `a` goes before `b`. A worth that is NaN counts as the least.
bool GoesBefore(const EvictionCandidate& a, const EvictionCandidate& b);

// Puts evictions in slot order. Of two of one slot, the one that is at once stays.
void SortEvictions(std::vector<Eviction>& evictions);

// Adds the `count` least worthy candidates to `evictions` and puts these in slot order. A slot that is there already,
// as delayed, is evicted at once. `candidate_of` gives the candidate of each slot below `slots`, or nothing; it is
// asked again rather than its answers kept, so that nothing is allocated where `evictions` has room. REQUIRES: count >
// 0.
template <typename CandidateOf>
void EvictLeastWorthy(size_t slots, size_t count, const CandidateOf& candidate_of, std::vector<Eviction>& evictions) {
  const auto given = static_cast<ptrdiff_t>(evictions.size());
  const auto before = [&](const Eviction& a, const Eviction& b) {
    return GoesBefore(*candidate_of(a.slot), *candidate_of(b.slot));
  };
  // A heap of the least worthy so far, the worthiest of them at its front.
  for (size_t i = 0; i < slots; ++i) {
    const std::optional<EvictionCandidate> candidate = candidate_of(i);
    if (!candidate) continue;
    const auto heap = evictions.begin() + given;
    if (evictions.size() - static_cast<size_t>(given) == count) {
      if (!before(candidate->eviction, *heap)) continue;
      std::pop_heap(heap, evictions.end(), before);
      evictions.pop_back();
    }
    evictions.push_back(candidate->eviction);
    std::push_heap(evictions.begin() + given, evictions.end(), before);
  }
  SortEvictions(evictions);
}

// What name() returns: as ParsePolicy reads it, then in brackets what differs from the defaults.
std::string PolicyName(const PolicySpec& spec);

// A number as people write it, the same in every locale.
std::string ShortNumber(double value);

}  // namespace dcp

#endif  // DCP_EVICTION_POLICIES_H_
