// Products of a few rows with one panel, the sums staying in registers: shared by attention and interaction scores.

#if defined(DCP_KERNELS_PANEL_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DCP_KERNELS_PANEL_DOT_INL_H_
#undef DCP_KERNELS_PANEL_DOT_INL_H_
#else
#define DCP_KERNELS_PANEL_DOT_INL_H_
#endif

#include <algorithm>

#include "base/aligned_buffer.h"
#include "kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {

// sums[r][v] = sum over i < n of x[r * x_stride + i] * panel[i * panel_stride + lane], i ascending.
template <size_t kRows, typename T>
HWY_INLINE void PanelDot(const float* x, size_t x_stride, const T* panel, size_t panel_stride, size_t n,
                         FloatVec (&sums)[kRows][kVecs]) {
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVecs; ++v) sums[r][v] = hn::Zero(kFloats);
  }
  for (size_t i = 0; i < n; ++i) {
    FloatVec w[kVecs];
    for (size_t v = 0; v < kVecs; ++v) w[v] = LoadFloats(panel + i * panel_stride + v * kLanes);
    for (size_t r = 0; r < kRows; ++r) {
      const FloatVec xr = hn::Set(kFloats, x[r * x_stride + i]);
      for (size_t v = 0; v < kVecs; ++v) sums[r][v] = hn::MulAdd(xr, w[v], sums[r][v]);
    }
  }
}

// Four rows with a panel each at once, which hides the latency of the multiply-adds. Same sums as PanelDot<1>. Asks for
// the same places of four panels `ahead` meanwhile, each line once: panels lie apart, and each is too short for the
// hardware to run ahead.
template <typename T>
HWY_INLINE void FourPanelDot(const float* const (&x)[4], const T* const (&panels)[4], const T* const (&ahead)[4],
                             size_t n, FloatVec (&sums)[4][kVecs]) {
  constexpr size_t kLineInputs = std::max<size_t>(1, kCacheLine / (kPanel * sizeof(T)));
  for (size_t p = 0; p < 4; ++p) {
    for (size_t v = 0; v < kVecs; ++v) sums[p][v] = hn::Zero(kFloats);
  }
  for (size_t begin = 0; begin < n; begin += kLineInputs) {
    for (size_t p = 0; p < 4; ++p) hwy::Prefetch(ahead[p] + begin * kPanel);
    const size_t end = std::min(begin + kLineInputs, n);
    for (size_t i = begin; i < end; ++i) {
      for (size_t p = 0; p < 4; ++p) {
        const FloatVec xi = hn::Set(kFloats, x[p][i]);
        for (size_t v = 0; v < kVecs; ++v) {
          sums[p][v] = hn::MulAdd(xi, LoadFloats(panels[p] + i * kPanel + v * kLanes), sums[p][v]);
        }
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
