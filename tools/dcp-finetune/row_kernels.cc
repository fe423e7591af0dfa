#include "dcp-finetune/row_kernels.h"

#include <cmath>

#include "support/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "dcp-finetune/row_kernels.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "kernels/activation-inl.h"
#include "kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {
namespace {

// Calls fn(i, count) for each whole vector that begins at i, and once for what is left.
template <typename Fn>
HWY_INLINE void ForEachVector(size_t n, const Fn& fn) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) fn(i, kLanes);
  if (i < n) fn(i, n - i);
}

HWY_INLINE FloatVec LoadSome(const float* p, size_t count, float others) {
  if (count == kLanes) return LoadFloats(p);
  float some[kLanes];
  for (size_t i = 0; i < kLanes; ++i) some[i] = i < count ? p[i] : others;
  return LoadFloats(some);
}

HWY_INLINE void StoreSome(FloatVec v, size_t count, float* p) {
  if (count == kLanes) return StoreFloats(v, p);
  float some[kLanes];
  StoreFloats(v, some);
  for (size_t i = 0; i < count && i < kLanes; ++i) p[i] = some[i];
}

// With s = 1 / (1 + exp(-2u)) as GeluTanh has it: y = x s, dy/dx = s + x s (1 - s) 2 du/dx.
void GeluTanhRow(const float* x_row, size_t n, float* y, float* slope) {
  const FloatVec one = hn::Set(kFloats, 1.0f), factor = hn::Set(kFloats, -kMinusTwoRootTwoOverPi);
  ForEachVector(n, [&](size_t i, size_t count) HWY_ATTR {
    const FloatVec x = LoadSome(x_row + i, count, 0);
    const FloatVec s = hn::Div(one, InverseSigmoid(MinusTwoU(x)));
    const FloatVec rise = hn::MulAdd(hn::Mul(x, x), hn::Mul(factor, hn::Set(kFloats, 3 * kGeluCubic)), factor);
    const FloatVec product = hn::Mul(x, s);
    StoreSome(product, count, y + i);
    StoreSome(hn::MulAdd(hn::Mul(product, hn::Sub(one, s)), rise, s), count, slope + i);
  });
}

float SoftmaxRow(float* row, size_t n) {
  constexpr float kLowest = -3.0e38f;
  FloatVec tops = hn::Set(kFloats, kLowest);
  ForEachVector(n, [&](size_t i, size_t count) HWY_ATTR { tops = hn::Max(tops, LoadSome(row + i, count, kLowest)); });
  const FloatVec top = hn::MaxOfLanes(kFloats, tops);
  FloatVec sums = hn::Zero(kFloats);
  ForEachVector(n, [&](size_t i, size_t count) HWY_ATTR {
    const FloatVec e = Exp(hn::Sub(LoadSome(row + i, count, kLowest), top));
    StoreSome(e, count, row + i);
    sums = hn::Add(sums, e);
  });
  const float sum = hn::GetLane(hn::SumOfLanes(kFloats, sums));
  const FloatVec inverse = hn::Set(kFloats, 1 / sum);
  ForEachVector(n, [&](size_t i, size_t count)
                       HWY_ATTR { StoreSome(hn::Mul(LoadSome(row + i, count, 0), inverse), count, row + i); });
  return std::log(sum) + hn::GetLane(top);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dcp {
namespace {

HWY_EXPORT(GeluTanhRow);
HWY_EXPORT(SoftmaxRow);

}  // namespace

void finetune::GeluTanhRow(const float* x, size_t n, float* y, float* slope) {
  HWY_DYNAMIC_DISPATCH(GeluTanhRow)(x, n, y, slope);
}

float finetune::SoftmaxRow(float* row, size_t n) { return HWY_DYNAMIC_DISPATCH(SoftmaxRow)(row, n); }

}  // namespace dcp
#endif  // HWY_ONCE
