#include "dcp-bench/measure/drawn_policy.h"

#include <cmath>
#include <limits>
#include <sstream>

namespace dcp::tools {
namespace {

// No score of a sane model is this low; comparing with it costs what the trained decision costs.
constexpr float kNoThreshold = std::numeric_limits<float>::lowest();

constexpr double kGoldenRatio = 0.6180339887498949;

// In (0, 1].
double EvenlySpread(size_t position) {
  const double multiple = kGoldenRatio * static_cast<double>(position + 1);
  return 1.0 - (multiple - std::floor(multiple));
}

int32_t DrawExpiry(size_t position, double sparsity) {
  if (sparsity <= 0) return kNever;
  const double factor = std::pow(EvenlySpread(position), -(1.0 - sparsity) / sparsity);
  const double expiry = std::ceil(static_cast<double>(position + 1) * factor);
  return expiry < static_cast<double>(kNever) ? static_cast<int32_t>(expiry) : kNever;
}

}  // namespace

DrawnPolicy DrawnPolicy::WithSparsity(double sparsity, int positions) {
  std::ostringstream name;
  name << "learned(sparsity=" << sparsity << ")";
  std::vector<int32_t> expires;
  expires.reserve(static_cast<size_t>(positions));
  for (int j = 0; j < positions; ++j) expires.push_back(DrawExpiry(static_cast<size_t>(j), sparsity));
  return {name.str(), std::move(expires)};
}

DrawnPolicy DrawnPolicy::WithKept(int kept, int positions) {
  std::vector<int32_t> expires(static_cast<size_t>(positions), kNever);
  std::vector<int32_t> alive;
  for (int32_t n = 0; n < positions; ++n) {
    if (alive.size() == static_cast<size_t>(kept)) {
      const auto drawn = static_cast<size_t>((1.0 - EvenlySpread(static_cast<size_t>(n))) * kept);
      expires[static_cast<size_t>(alive[drawn])] = n;
      alive[drawn] = alive.back();
      alive.pop_back();
    }
    alive.push_back(n);
  }
  return {"learned(kept=" + std::to_string(kept) + ")", std::move(expires)};
}

void DrawnPolicy::Select(const SlotsView& slots, std::vector<Eviction>& evictions) const {
  for (size_t i = 0; i < slots.scores.size(); ++i) {
    const int32_t expiry = expires_[static_cast<size_t>(slots.positions[i])];
    if (slots.scores[i] <= kNoThreshold || expiry <= slots.position) {
      evictions.push_back({static_cast<uint32_t>(i), slots.scores[i]});
    }
  }
}

std::shared_ptr<const EvictionPolicy> MakeScoringPolicy() {
  PolicySpec spec;
  spec.kind = PolicySpec::Kind::kLearned;
  spec.threshold = kNoThreshold;
  return MakePolicy(spec);
}

}  // namespace dcp::tools
