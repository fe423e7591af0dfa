// GELU in its tanh form, compiled once per instruction set.

#if defined(DCP_KERNELS_GELU_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DCP_KERNELS_GELU_INL_H_
#undef DCP_KERNELS_GELU_INL_H_
#else
#define DCP_KERNELS_GELU_INL_H_
#endif

#include "kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {

// 0.5 x (1 + tanh(u)) with u = sqrt(2/pi) (x + 0.044715 x^3), written as x / (1 + exp(-2u)): one exponential, and no
// loss of significance where tanh(u) is close to -1.
HWY_INLINE FloatVec Gelu(FloatVec x) {
  constexpr float kMinusTwoRootTwoOverPi = -1.5957691216057308f;
  const FloatVec cubic = hn::MulAdd(hn::Mul(hn::Mul(x, x), hn::Set(kFloats, 0.044715f)), x, x);
  // Beyond 80 the exponential would overflow, and the result is zero either way.
  const FloatVec exponent = hn::Min(hn::Mul(cubic, hn::Set(kFloats, kMinusTwoRootTwoOverPi)), hn::Set(kFloats, 80.0f));
  return hn::Div(x, hn::Add(hn::Set(kFloats, 1.0f), hn::Exp(kFloats, exponent)));
}

}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
