// The policies behind MakePolicy.
#ifndef DCP_EVICTION_POLICIES_H_
#define DCP_EVICTION_POLICIES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dcp/eviction_policy.h"

namespace dcp {

// Throws Error(kInvalidArgument) beginning with `source` for values out of range.
void CheckPolicySpec(const PolicySpec& spec, const std::string& source);

// Keeps everything, or what a rule on positions keeps: dense, window, sinks, strided. REQUIRES: a checked spec of these
// kinds.
std::shared_ptr<const EvictionPolicy> MakePositionPolicy(const PolicySpec& spec);

// The trained decisions. REQUIRES: a checked spec.
std::shared_ptr<const EvictionPolicy> MakeLearnedPolicy(const PolicySpec& spec);

// Heavy-hitter oracle (H2O, Zhang et al. 2023). REQUIRES: a checked spec.
std::shared_ptr<const EvictionPolicy> MakeH2OPolicy(const PolicySpec& spec);

// A slot that may go, and how much it is worth: the doomed go first, then the least worthy, the oldest among equals.
struct EvictionCandidate {
  double worth = 0.0;
  int32_t position = 0;
  Eviction eviction;
  bool doomed = false;  // to be dropped anyway: goes before those that are not
};

// The caller's reusable list of candidates, empty. One per thread, so that selecting does not allocate in the long run.
std::vector<EvictionCandidate>& CandidateScratch();

// Adds the `count` least worthy candidates to `evictions` and puts these in slot order. A slot that is there already,
// as delayed, is evicted at once.
void EvictLeastWorthy(std::vector<EvictionCandidate>& candidates, size_t count, std::vector<Eviction>& evictions);

// What name() returns: `kind`, then in brackets what differs from the defaults.
std::string PolicyName(const std::string& kind, float threshold, int max_kept);

}  // namespace dcp

#endif  // DCP_EVICTION_POLICIES_H_
