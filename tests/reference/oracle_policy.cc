#include "tests/reference/oracle_policy.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace dcp::reference {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

int CountKept(const std::vector<bool>& kept) { return static_cast<int>(std::count(kept.begin(), kept.end(), true)); }

// A token that a position policy keeps although it is old.
bool IsSink(const PolicySpec& spec, int j) {
  if (spec.kind == PolicySpec::Kind::kSinks) return j < spec.sinks;
  if (spec.kind == PolicySpec::Kind::kStrided) return j % spec.stride == 0;
  return false;
}

// The rule itself, before any cap.
bool RuleKeeps(const PolicySpec& spec, const TokenView& view, int j) {
  switch (spec.kind) {
    case PolicySpec::Kind::kDense:
    case PolicySpec::Kind::kH2O:  // nothing but its budget, see Cap()
      return true;
    case PolicySpec::Kind::kLearned:
      return view.scores[j] > static_cast<double>(spec.threshold);
    case PolicySpec::Kind::kWindow:
    case PolicySpec::Kind::kSinks:
    case PolicySpec::Kind::kStrided:
      return j > view.n - spec.window || IsSink(spec, j);
  }
  return true;
}

int Cap(const PolicySpec& spec) {
  const int none = std::numeric_limits<int>::max();
  const int cap = spec.max_kept > 0 ? spec.max_kept : none;
  return spec.kind == PolicySpec::Kind::kH2O ? std::min(cap, spec.budget) : cap;
}

// The token with the lowest rank goes first when a cap is met; infinity: never.
double Rank(const PolicySpec& spec, const TokenView& view, int j) {
  switch (spec.kind) {
    case PolicySpec::Kind::kLearned:
      return view.scores[j];
    case PolicySpec::Kind::kH2O: {
      const int recent = (Cap(spec) + 1) / 2;
      return j > view.n - recent ? kInfinity : view.attention[j];
    }
    default:
      return IsSink(spec, j) ? j + 1e9 : j;
  }
}

// The kept token before n with the lowest rank, the oldest among equals; -1: none may go.
int Lowest(const PolicySpec& spec, const TokenView& view, const std::vector<bool>& kept) {
  int lowest = -1;
  double lowest_rank = kInfinity;
  for (int j = 0; j < view.n; ++j) {
    if (!kept[j]) continue;
    const double rank = Rank(spec, view, j);
    if (rank < lowest_rank) {
      lowest = j;
      lowest_rank = rank;
    }
  }
  return lowest;
}

}  // namespace

PolicySpec RuleOfLayer(const PolicySpec& spec, int layer) {
  PolicySpec found;
  bool named = false;
  const auto consider = [&](const PolicySpec& rule) {
    bool names = false;
    for (const LayerRange& range : rule.layers) names = names || (range.first <= layer && layer <= range.last);
    if (!names && (named || !rule.layers.empty())) return;
    found = rule;
    named = names;
  };
  consider(spec);
  for (const PolicySpec& other : spec.others) consider(other);
  found.threshold = spec.threshold;
  found.max_kept = spec.max_kept;
  return found;
}

double DropForToken(const PolicySpec& spec, const TokenView& view, std::vector<bool>& kept) {
  double margin = kInfinity;
  for (int j = 0; j < view.n; ++j) {
    if (!kept[j]) continue;
    if (spec.kind == PolicySpec::Kind::kLearned) {
      margin = std::min(margin, std::abs(view.scores[j] - static_cast<double>(spec.threshold)));
    }
    if (!RuleKeeps(spec, view, j)) kept[j] = false;
  }

  double last_rank = -kInfinity;
  while (CountKept(kept) > Cap(spec)) {
    const int j = Lowest(spec, view, kept);
    if (j < 0) break;
    last_rank = Rank(spec, view, j);
    kept[j] = false;
  }
  const int spared = Lowest(spec, view, kept);
  const bool by_position = spec.kind != PolicySpec::Kind::kLearned && spec.kind != PolicySpec::Kind::kH2O;
  if (spared >= 0 && !by_position) margin = std::min(margin, Rank(spec, view, spared) - last_rank);
  return margin;
}

double DropWithDelay(const PolicySpec& spec, const TokenView& view, int delay, std::vector<int>& decided_by,
                     std::vector<bool>& kept) {
  double margin = kInfinity;
  for (int j = 0; j < view.n; ++j) {
    if (decided_by[j] < 0 && kept[j]) {
      margin = std::min(margin, std::abs(view.scores[j] - static_cast<double>(spec.threshold)));
      if (!RuleKeeps(spec, view, j)) decided_by[j] = view.n;
    }
    if (decided_by[j] >= 0 && view.n - decided_by[j] >= delay) kept[j] = false;
  }

  // What the cap may take, in the order in which it does.
  std::vector<int> tokens;
  for (int j = 0; j < view.n; ++j) {
    if (kept[j]) tokens.push_back(j);
  }
  std::stable_sort(tokens.begin(), tokens.end(), [&](int a, int b) {
    return std::pair(decided_by[a] < 0, view.scores[a]) < std::pair(decided_by[b] < 0, view.scores[b]);
  });
  const size_t surplus = static_cast<size_t>(std::max(0, CountKept(kept) - Cap(spec)));
  const size_t taken = std::min(surplus, tokens.size());
  for (size_t i = 0; i < taken; ++i) kept[tokens[i]] = false;
  if (taken == 0 || taken == tokens.size()) return margin;
  const int last = tokens[taken - 1];
  const int spared = tokens[taken];
  const bool alike = (decided_by[last] < 0) == (decided_by[spared] < 0);
  return alike ? std::min(margin, view.scores[spared] - view.scores[last]) : margin;
}

}  // namespace dcp::reference
