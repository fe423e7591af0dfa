// Vector vocabulary of the kernels, compiled once per instruction set (hence the toggling include guard).
//
// Everything is written in terms of a panel: kPanel float32 values side by side, kVecs vectors of kLanes lanes.

#if defined(DCP_KERNELS_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DCP_KERNELS_SIMD_INL_H_
#undef DCP_KERNELS_SIMD_INL_H_
#else
#define DCP_KERNELS_SIMD_INL_H_
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "hwy/cache_control.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "kernels/packed_matrix.h"

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::CappedTag<float, kPanel>;
using FloatVec = hn::Vec<FloatTag>;
using IntTag = hn::RebindToSigned<FloatTag>;
constexpr FloatTag kFloats;
constexpr IntTag kInts;
constexpr size_t kLanes = hn::MaxLanes(FloatTag());
constexpr size_t kVecs = kPanel / kLanes;

HWY_INLINE FloatVec LoadFloats(const float* p) { return hn::LoadU(kFloats, p); }

HWY_INLINE FloatVec LoadFloats(const hwy::bfloat16_t* p) {
  return hn::PromoteTo(kFloats, hn::LoadU(hn::Rebind<hwy::bfloat16_t, FloatTag>(), p));
}

HWY_INLINE FloatVec LoadFloats(const hwy::float16_t* p) {
  return hn::PromoteTo(kFloats, hn::LoadU(hn::Rebind<hwy::float16_t, FloatTag>(), p));
}

HWY_INLINE FloatVec LoadFloats(const int8_t* p) {
  return hn::ConvertTo(kFloats, hn::PromoteTo(kInts, hn::LoadU(hn::Rebind<int8_t, FloatTag>(), p)));
}

HWY_INLINE void StoreFloats(FloatVec v, float* p) { hn::StoreU(v, kFloats, p); }

// With one lane those of the standard library: Highway's convert what may be NaN to an integer.
#if HWY_TARGET == HWY_SCALAR
HWY_INLINE FloatVec Exp(FloatVec x) { return hn::Set(kFloats, std::exp(hn::GetLane(x))); }
HWY_INLINE FloatVec Tanh(FloatVec x) { return hn::Set(kFloats, std::tanh(hn::GetLane(x))); }
#else
HWY_INLINE FloatVec Exp(FloatVec x) { return hn::Exp(kFloats, x); }
HWY_INLINE FloatVec Tanh(FloatVec x) { return hn::Tanh(kFloats, x); }
#endif

// Makes GCC finish `v` here and keep it in a register. Left alone, it computes all products of a tile before it adds
// any of them up, runs out of registers, and takes nearly twice the time (products with i8 weights).
template <typename V>
HWY_INLINE void Settle([[maybe_unused]] V& v) {
#if HWY_COMPILER_GCC_ACTUAL && HWY_ARCH_X86
  asm("" : "+v"(v.raw));
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
