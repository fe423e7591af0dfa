#include "dcp-eval/sweep/kept_budget.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace dcp::tools {
namespace {

using Kind = PolicySpec::Kind;

constexpr int kSinks = 4;  // as many as StreamingLLM keeps

// What a search over specs of one kind compares.
struct Match {
  PolicySpec spec;
  double kept = 0;
  double error = 0;  // tokens
};

// `make(n)` keeps more tokens the larger n is.
template <typename Make>
Match Nearest(int least, int most, double kept, std::span<const size_t> counts, const Make& make) {
  const auto match = [&](int n) {
    const PolicySpec spec = make(n);
    const double mean = MeanKept(spec, counts);
    return Match{spec, mean, std::abs(mean - kept)};
  };
  int low = least, high = most;  // the first spec that keeps at least as many lies between, or there is none
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (MeanKept(make(middle), counts) >= kept) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  const Match above = match(low);
  if (low == least) return above;
  const Match below = match(low - 1);
  return below.error <= above.error ? below : above;
}

PolicySpec LastTokens(int window) {
  PolicySpec spec;
  spec.kind = Kind::kWindow;
  spec.window = window;
  return spec;
}

PolicySpec Sinks(int kept) {
  PolicySpec spec;
  spec.kind = Kind::kSinks;
  spec.sinks = std::min(kSinks, kept - 1);
  spec.window = kept - spec.sinks;
  return spec;
}

PolicySpec H2O(int budget) {
  PolicySpec spec;
  spec.kind = Kind::kH2O;
  spec.budget = budget;
  return spec;
}

// Every stride has its best window; among the pairs that are near enough the one that splits most evenly is taken.
PolicySpec Strided(double kept, int context, std::span<const size_t> counts) {
  const double near_enough = std::min(0.5, 0.01 * kept);  // tokens
  const auto rank = [&](const Match& match) {
    const double uneven = std::abs(2.0 * match.spec.window - kept);
    return std::pair(std::max(match.error, near_enough), uneven);
  };
  Match best;
  for (int stride = 2; stride <= std::max(2, context); ++stride) {
    const Match match = Nearest(1, context, kept, counts, [stride](int window) {
      PolicySpec spec;
      spec.kind = Kind::kStrided;
      spec.window = window;
      spec.stride = stride;
      return spec;
    });
    if (stride == 2 || rank(match) < rank(best)) best = match;
  }
  return best.spec;
}

}  // namespace

std::vector<size_t> PredictingPositions(std::span<const Window> windows) {
  std::vector<size_t> counts;
  for (const Window& window : windows) {
    counts.resize(std::max(counts.size(), window.fed()));
    for (size_t i = window.first_scored; i < window.end; ++i) ++counts[i - window.begin - 1];
  }
  return counts;
}

size_t KeptAt(const PolicySpec& spec, size_t position) {
  const size_t seen = position + 1;
  const auto window = static_cast<size_t>(spec.window);
  switch (spec.kind) {
    case Kind::kDense:
    case Kind::kLearned:
      break;
    case Kind::kWindow:
      return std::min(seen, window);
    case Kind::kSinks:
      return std::min(seen, window + static_cast<size_t>(spec.sinks));
    case Kind::kStrided:  // multiples of the stride before the window: 0, S, .. up to n - W
      return position < window ? seen : window + (position - window) / static_cast<size_t>(spec.stride) + 1;
    case Kind::kH2O:
      return std::min(seen, static_cast<size_t>(spec.budget));
  }
  return seen;
}

double MeanKept(const PolicySpec& spec, std::span<const size_t> counts) {
  uint64_t kept = 0, tokens = 0;
  for (size_t position = 0; position < counts.size(); ++position) {
    if (counts[position] == 0) continue;
    kept += counts[position] * KeptAt(spec, position);
    tokens += counts[position];
  }
  return static_cast<double>(kept) / static_cast<double>(tokens);
}

PolicySpec MatchKept(Kind kind, double kept, std::span<const size_t> counts) {
  const auto context = static_cast<int>(counts.size());
  if (kind == Kind::kStrided) return Strided(kept, context, counts);
  if (kind == Kind::kSinks) return Nearest(1, std::max(1, context), kept, counts, Sinks).spec;
  if (kind == Kind::kH2O) return Nearest(2, std::max(2, context), kept, counts, H2O).spec;
  return Nearest(1, std::max(1, context), kept, counts, LastTokens).spec;
}

}  // namespace dcp::tools
