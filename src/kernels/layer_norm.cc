#include "kernels/layer_norm.h"

#include <cmath>

#include "support/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layer_norm.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {
namespace {

float Sum(FloatVec v) { return hn::GetLane(hn::SumOfLanes(kFloats, v)); }

float Mean(const float* x, size_t n) {
  FloatVec sums = hn::Zero(kFloats);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) sums = hn::Add(sums, LoadFloats(x + i));
  float sum = Sum(sums);
  for (; i < n; ++i) sum += x[i];
  return sum / static_cast<float>(n);
}

float Variance(const float* x, size_t n, float mean) {
  const FloatVec means = hn::Set(kFloats, mean);
  FloatVec sums = hn::Zero(kFloats);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const FloatVec d = hn::Sub(LoadFloats(x + i), means);
    sums = hn::MulAdd(d, d, sums);
  }
  float sum = Sum(sums);
  for (; i < n; ++i) sum += (x[i] - mean) * (x[i] - mean);
  return sum / static_cast<float>(n);
}

void Normalize(const float* x, size_t n, const float* weight, const float* bias, float epsilon, float* out) {
  const float mean = Mean(x, n);
  const float inverse = 1.0f / std::sqrt(Variance(x, n, mean) + epsilon);
  const FloatVec means = hn::Set(kFloats, mean);
  const FloatVec inverses = hn::Set(kFloats, inverse);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const FloatVec normal = hn::Mul(hn::Sub(LoadFloats(x + i), means), inverses);
    StoreFloats(hn::MulAdd(normal, LoadFloats(weight + i), LoadFloats(bias + i)), out + i);
  }
  for (; i < n; ++i) out[i] = (x[i] - mean) * inverse * weight[i] + bias[i];
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dcp {
namespace {

HWY_EXPORT(Normalize);

}  // namespace

void LayerNorm(const float* x, size_t n, const float* weight, const float* bias, float epsilon, float* out) {
  HWY_DYNAMIC_DISPATCH(Normalize)(x, n, weight, bias, epsilon, out);
}

}  // namespace dcp
#endif  // HWY_ONCE
