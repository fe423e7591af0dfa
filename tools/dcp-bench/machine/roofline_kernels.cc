#include "dcp-bench/machine/roofline_kernels.h"

#include "support/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "dcp-bench/machine/roofline_kernels.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace dcp::tools {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;
constexpr Tag kTag;
constexpr size_t kLanes = hn::MaxLanes(Tag());

float Sum(const float* data, size_t n) {
  constexpr size_t kSums = 8;  // enough loads on their way to keep the memory busy
  Vec sums[kSums];
  for (Vec& sum : sums) sum = hn::Zero(kTag);
  for (size_t i = 0; i < n; i += kSums * kLanes) {
    for (size_t k = 0; k < kSums; ++k) sums[k] = hn::Add(sums[k], hn::Load(kTag, data + i + k * kLanes));
  }
  for (size_t k = 1; k < kSums; ++k) sums[0] = hn::Add(sums[0], sums[k]);
  return hn::GetLane(hn::SumOfLanes(kTag, sums[0]));
}

float Chain(size_t rounds, double* flops) {
  constexpr size_t kChains = 12;  // latency times width of today's processors, within 16 registers
  Vec chains[kChains];
  for (size_t k = 0; k < kChains; ++k) chains[k] = hn::Set(kTag, static_cast<float>(k));
  const Vec factor = hn::Set(kTag, 0.999f);
  const Vec term = hn::Set(kTag, 0.001f);
  for (size_t i = 0; i < rounds; ++i) {
    for (size_t k = 0; k < kChains; ++k) chains[k] = hn::MulAdd(chains[k], factor, term);
  }
  for (size_t k = 1; k < kChains; ++k) chains[0] = hn::Add(chains[0], chains[k]);
  *flops = 2.0 * static_cast<double>(rounds * kChains * kLanes);
  return hn::GetLane(hn::SumOfLanes(kTag, chains[0]));
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace dcp::tools
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dcp::tools {
namespace {

HWY_EXPORT(Sum);
HWY_EXPORT(Chain);

}  // namespace

float SumFloats(const float* data, size_t n) { return HWY_DYNAMIC_DISPATCH(Sum)(data, n); }
float ChainMultiplyAdds(size_t rounds, double* flops) { return HWY_DYNAMIC_DISPATCH(Chain)(rounds, flops); }

}  // namespace dcp::tools
#endif  // HWY_ONCE
