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

using Kind = PolicySpec::Kind;

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

// A number of tokens, or the share that becomes one.
void RequireAtLeast(const std::string& source, const char* field, int value, double share, int least) {
  if (!(share >= 0 && share <= 100)) {
    Reject(source + ": the share of " + field + " is " + ShortNumber(share) + " %, must be above 0 to 100 %");
  }
  if (share > 0 || value >= least) return;
  Reject(source + ": " + field + " is " + std::to_string(value) + ", must be at least " + std::to_string(least));
}

void CheckRule(const PolicySpec& spec, const std::string& source) {
  const Kind kind = spec.kind;
  if (kind == Kind::kStrided) RequireAtLeast(source, "stride", spec.stride, 0, 1);
  if (kind == Kind::kSinks) RequireAtLeast(source, "sinks", spec.sinks, spec.shares.sinks, 0);
  if (kind == Kind::kWindow || kind == Kind::kSinks || kind == Kind::kStrided) {
    RequireAtLeast(source, "window", spec.window, spec.shares.window, 1);
  }
  if (kind == Kind::kH2O) RequireAtLeast(source, "budget", spec.budget, spec.shares.budget, 2);
  if (kind == Kind::kLearned && std::isnan(spec.threshold)) Reject(source + ": threshold is NaN, must be a number");
}

// No layer has two rules, and one rule at most is for all that are left.
void CheckLayers(const std::vector<PolicySpec>& rules, const std::string& source) {
  size_t for_the_rest = 0;
  std::vector<LayerRange> seen;
  for (const PolicySpec& rule : rules) {
    if (!rule.others.empty()) Reject(source + ": a rule of others has others of its own, must have none");
    if (rule.layers.empty() && ++for_the_rest > 1) {
      Reject(source + ": 2 rules are for all layers that no rule names, must be at most 1; @ limits a rule to layers");
    }
    for (const LayerRange& range : rule.layers) {
      if (range.first < 0 || range.last < range.first) {
        Reject(source + ": layers " + std::to_string(range.first) + " to " + std::to_string(range.last) +
               " are none, must be a range of numbers from 0");
      }
      for (const LayerRange& other : seen) {
        const int first = std::max(range.first, other.first);
        if (first <= std::min(range.last, other.last)) {
          Reject(source + ": layer " + std::to_string(first) + " is named twice, must have one rule");
        }
      }
      seen.push_back(range);
    }
  }
}

// The number of tokens that a share of the context is.
void Resolve(double& share, int& tokens, int least, int context) {
  if (share == 0) return;
  if (context < 1) {
    Reject("policy: " + ShortNumber(share) + " % of the context is asked for, and the context is " +
           std::to_string(context) + " tokens, must be at least 1");
  }
  tokens = std::max(least, static_cast<int>(std::lround(share / 100 * context)));
  share = 0;
}

void ResolveShares(PolicySpec& spec, int context) {
  Resolve(spec.shares.window, spec.window, 1, context);
  Resolve(spec.shares.sinks, spec.sinks, 0, context);
  Resolve(spec.shares.budget, spec.budget, 2, context);
  for (PolicySpec& other : spec.others) ResolveShares(other, context);
}

}  // namespace

std::vector<PolicySpec> RulesOf(const PolicySpec& spec) {
  std::vector<PolicySpec> rules = {spec};
  rules[0].others.clear();
  for (const PolicySpec& other : spec.others) {
    rules.push_back(other);
    rules.back().threshold = spec.threshold;
    rules.back().max_kept = spec.max_kept;
  }
  return rules;
}

bool PolicySpec::Has(Kind which) const {
  return kind == which ||
         std::any_of(others.begin(), others.end(), [&](const PolicySpec& other) { return other.Has(which); });
}

void CheckPolicySpec(const PolicySpec& spec, const std::string& source) {
  RequireAtLeast(source, "max_kept", spec.max_kept, 0, 0);
  const std::vector<PolicySpec> rules = RulesOf(spec);
  for (const PolicySpec& rule : rules) CheckRule(rule, source);
  CheckLayers(rules, source);
}

std::shared_ptr<const EvictionPolicy> MakeRule(const PolicySpec& rule) {
  switch (rule.kind) {
    case Kind::kDense:
    case Kind::kWindow:
    case Kind::kSinks:
    case Kind::kStrided:
      return MakePositionPolicy(rule);
    case Kind::kLearned:
      return MakeLearnedPolicy(rule);
    case Kind::kH2O:
      return MakeH2OPolicy(rule);
  }
  Reject("policy: unknown kind " + std::to_string(static_cast<int>(rule.kind)));
}

std::shared_ptr<const EvictionPolicy> MakePolicy(const PolicySpec& spec, int context) {
  CheckPolicySpec(spec, "policy");
  PolicySpec resolved = spec;
  ResolveShares(resolved, context);
  if (resolved.layers.empty() && resolved.others.empty()) return MakeRule(resolved);
  return MakeLayeredPolicy(resolved);
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

std::string ShortNumber(double value) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << value;
  return text.str();
}

std::string PolicyName(const PolicySpec& spec) {
  std::string name = SpellRule(spec);
  for (const PolicySpec& other : spec.others) name += '+' + SpellRule(other);
  std::string more;
  if (spec.Has(Kind::kLearned) && spec.threshold != 0.0f) {
    more += "threshold=" + ShortNumber(spec.threshold);
  }
  if (spec.max_kept > 0) more += (more.empty() ? "" : ",") + ("max-kept=" + std::to_string(spec.max_kept));
  return more.empty() ? name : name + '(' + more + ')';
}

}  // namespace dcp
