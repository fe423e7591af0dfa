#include <algorithm>
#include <cmath>
#include <limits>
#include <locale>
#include <sstream>
#include <string>

#include "dcp/error.h"
#include "eviction/policies.h"

namespace dcp {
namespace {

void RequireAtLeast(const std::string& source, const char* field, int value, int least) {
  if (value >= least) return;
  throw Error(ErrorCode::kInvalidArgument,
              source + ": " + field + " is " + std::to_string(value) + ", must be at least " + std::to_string(least));
}

}  // namespace

void CheckPolicySpec(const PolicySpec& spec, const std::string& source) {
  using Kind = PolicySpec::Kind;
  const Kind kind = spec.kind;
  RequireAtLeast(source, "max_kept", spec.max_kept, 0);
  if (kind == Kind::kStrided) RequireAtLeast(source, "stride", spec.stride, 1);
  if (kind == Kind::kSinks) RequireAtLeast(source, "sinks", spec.sinks, 0);
  if (kind == Kind::kWindow || kind == Kind::kSinks || kind == Kind::kStrided) {
    RequireAtLeast(source, "window", spec.window, 1);
  }
  if (kind == Kind::kH2O) RequireAtLeast(source, "budget", spec.budget, 2);
  if (kind == Kind::kLearned && std::isnan(spec.threshold)) {
    throw Error(ErrorCode::kInvalidArgument, source + ": threshold is NaN, must be a number");
  }
}

std::shared_ptr<const EvictionPolicy> MakePolicy(const PolicySpec& spec) {
  using Kind = PolicySpec::Kind;
  CheckPolicySpec(spec, "policy");
  switch (spec.kind) {
    case Kind::kDense:
    case Kind::kWindow:
    case Kind::kSinks:
    case Kind::kStrided:
      return MakePositionPolicy(spec);
    case Kind::kLearned:
      return MakeLearnedPolicy(spec);
    case Kind::kH2O:
      return MakeH2OPolicy(spec);
  }
  throw Error(ErrorCode::kInvalidArgument, "policy: unknown kind " + std::to_string(static_cast<int>(spec.kind)));
}

bool GoesBefore(const EvictionCandidate& a, const EvictionCandidate& b) {
  const auto worth = [](const EvictionCandidate& c) {
    return std::isnan(c.worth) ? -std::numeric_limits<double>::infinity() : c.worth;
  };
  if (a.doomed != b.doomed) return a.doomed;
  return worth(a) != worth(b) ? worth(a) < worth(b) : a.position < b.position;
}

void SortEvictions(std::vector<Eviction>& evictions) {
  std::sort(evictions.begin(), evictions.end(), [](const Eviction& a, const Eviction& b) {
    return a.slot != b.slot ? a.slot < b.slot : a.delayed < b.delayed;
  });
  const auto same_slot = [](const Eviction& a, const Eviction& b) { return a.slot == b.slot; };
  evictions.erase(std::unique(evictions.begin(), evictions.end(), same_slot), evictions.end());
}

std::string PolicyName(const std::string& kind, float threshold, int max_kept) {
  std::ostringstream name;
  name.imbue(std::locale::classic());  // the same name whatever the locale of the program
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
