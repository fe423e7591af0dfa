#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>

#include "dcp/error.h"
#include "eviction/policies.h"

namespace dcp {
namespace {

void RequireAtLeast(const char* field, int value, int least) {
  if (value >= least) return;
  throw Error(ErrorCode::kInvalidArgument, std::string("policy: ") + field + " is " + std::to_string(value) +
                                               ", must be at least " + std::to_string(least));
}

}  // namespace

std::shared_ptr<const EvictionPolicy> MakePolicy(const PolicySpec& spec) {
  using Kind = PolicySpec::Kind;
  RequireAtLeast("max_kept", spec.max_kept, 0);
  switch (spec.kind) {
    case Kind::kStrided:
      RequireAtLeast("stride", spec.stride, 1);
      [[fallthrough]];
    case Kind::kSinks:
      RequireAtLeast("sinks", spec.sinks, 0);
      [[fallthrough]];
    case Kind::kWindow:
      RequireAtLeast("window", spec.window, 1);
      [[fallthrough]];
    case Kind::kDense:
      return MakePositionPolicy(spec);
    case Kind::kLearned:
      if (std::isnan(spec.threshold))
        throw Error(ErrorCode::kInvalidArgument, "policy: threshold is NaN, must be a number");
      return MakeLearnedPolicy(spec);
    case Kind::kH2O:
      RequireAtLeast("budget", spec.budget, 2);
      return MakeH2OPolicy(spec);
  }
  throw Error(ErrorCode::kInvalidArgument, "policy: unknown kind " + std::to_string(static_cast<int>(spec.kind)));
}

std::vector<EvictionCandidate>& CandidateScratch() {
  thread_local std::vector<EvictionCandidate> scratch;
  scratch.clear();
  return scratch;
}

void EvictLeastWorthy(std::vector<EvictionCandidate>& candidates, size_t count, std::vector<Eviction>& evictions) {
  const auto less = [](const EvictionCandidate& a, const EvictionCandidate& b) {
    return a.worth != b.worth ? a.worth < b.worth : a.position < b.position;
  };
  for (EvictionCandidate& c : candidates) {
    if (std::isnan(c.worth)) c.worth = -std::numeric_limits<double>::infinity();  // sorting needs an order
  }
  count = std::min(count, candidates.size());
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<ptrdiff_t>(count), candidates.end(), less);
  for (size_t i = 0; i < count; ++i) evictions.push_back(candidates[i].eviction);
  std::sort(evictions.begin(), evictions.end(), [](const Eviction& a, const Eviction& b) { return a.slot < b.slot; });
}

std::string PolicyName(const std::string& kind, float threshold, int max_kept) {
  std::ostringstream name;
  name << kind;
  const char* separator = "(";
  if (threshold != 0.0f) {
    name << separator << "threshold=" << threshold;
    separator = ",";
  }
  if (max_kept > 0) {
    name << separator << "max-kept=" << max_kept;
    separator = ",";
  }
  if (*separator == ',') name << ")";
  return name.str();
}

}  // namespace dcp
