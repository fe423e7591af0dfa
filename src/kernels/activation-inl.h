// What stands between the two matrices of the MLP (dcp::Activation), compiled once per instruction set. Within 1e-6 of
// the exact value, relative to the larger of it and the argument.

#if defined(DCP_KERNELS_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DCP_KERNELS_ACTIVATION_INL_H_
#undef DCP_KERNELS_ACTIVATION_INL_H_
#else
#define DCP_KERNELS_ACTIVATION_INL_H_
#endif

#include "dcp/types.h"
#include "kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {

// 1 + exp(-a), with `minus_a` given.
HWY_INLINE FloatVec InverseSigmoid(FloatVec minus_a) {
  // Beyond 80 the exponential would overflow, and what is divided by it is zero either way.
  const FloatVec exponent = hn::Min(minus_a, hn::Set(kFloats, 80.0f));
  return hn::Add(hn::Set(kFloats, 1.0f), Exp(exponent));
}

// x / (1 + exp(-a)).
HWY_INLINE FloatVec TimesSigmoid(FloatVec x, FloatVec minus_a) { return hn::Div(x, InverseSigmoid(minus_a)); }

// -2u of GeluTanh, with u = sqrt(2/pi) (x + 0.044715 x^3).
constexpr float kMinusTwoRootTwoOverPi = -1.5957691216057308f;
constexpr float kGeluCubic = 0.044715f;
HWY_INLINE FloatVec MinusTwoU(FloatVec x) {
  const FloatVec cubic = hn::MulAdd(hn::Mul(hn::Mul(x, x), hn::Set(kFloats, kGeluCubic)), x, x);
  return hn::Mul(cubic, hn::Set(kFloats, kMinusTwoRootTwoOverPi));
}

// 0.5 x (1 + tanh(u)), written as x / (1 + exp(-2u)): one exponential, and no loss of significance where tanh(u) is
// close to -1.
HWY_INLINE FloatVec GeluTanh(FloatVec x) { return TimesSigmoid(x, MinusTwoU(x)); }

// x times the normal distribution's share below x. With t = 1 / (1 + q |x|), the share below -|x| is exp(-x^2 / 2) t
// times a polynomial in t, whose coefficients make the largest relative error small (1.2e-7 before rounding).
HWY_INLINE FloatVec GeluErf(FloatVec x) {
  constexpr float kQ = 0.29698485f;
  constexpr float kCoefficients[] = {0.036030073f, -0.1640098f,  0.22716705f, -0.071703590f,
                                     0.13787399f,  0.096267529f, 0.1199749f,  0.11839975f};
  const FloatVec one = hn::Set(kFloats, 1.0f);
  const FloatVec t = hn::Div(one, hn::MulAdd(hn::Set(kFloats, kQ), hn::Abs(x), one));
  FloatVec sum = hn::Set(kFloats, kCoefficients[0]);
  for (size_t i = 1; i < 8; ++i) sum = hn::MulAdd(sum, t, hn::Set(kFloats, kCoefficients[i]));
  // Below -100 the exponential is zero next to anything, and with -infinity it would not be.
  const FloatVec exponent = hn::Max(hn::Mul(hn::Mul(x, x), hn::Set(kFloats, -0.5f)), hn::Set(kFloats, -100.0f));
  const FloatVec bell = Exp(exponent);
  const FloatVec tail = hn::Mul(x, hn::Mul(hn::Mul(sum, t), bell));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(kFloats)), tail, hn::Sub(x, tail));
}

// Those that no published GPT-2 has; apart, so that the products' own code stays small.
HWY_NOINLINE inline FloatVec OtherActivation(Activation activation, FloatVec x) {
  switch (activation) {
    case Activation::kGelu:
      return GeluErf(x);
    case Activation::kQuickGelu:
      return TimesSigmoid(x, hn::Mul(x, hn::Set(kFloats, -1.702f)));
    case Activation::kSilu:
      return TimesSigmoid(x, hn::Neg(x));
    case Activation::kRelu:
      return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(kFloats)), x);
    case Activation::kTanh:
      return Tanh(x);
    case Activation::kIdentity:
    case Activation::kGeluTanh:
      break;
  }
  return x;
}

HWY_INLINE FloatVec Activate(Activation activation, FloatVec x) {
  if (activation == Activation::kIdentity) return x;
  if (activation == Activation::kGeluTanh) return GeluTanh(x);
  return OtherActivation(activation, x);
}

}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
