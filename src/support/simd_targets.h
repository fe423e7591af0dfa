// Which instruction sets kernels are compiled for, those of libdcp and those that dcp-bench measures the machine with.
// To be included before any Highway header.
//
// x86-64: the baseline every processor has, SSE4, AVX2+FMA+F16C and AVX-512; the best one the processor supports is
// chosen at run time. The targets left out are close to one of these and would only add compile time; those with
// vectors of unknown length cannot keep accumulators in arrays. The baseline has vectors of one lane, with every
// compiler: those that Highway emulates in arrays take Clang ten times as long, and minutes with a sanitizer.
#ifndef DCP_SUPPORT_SIMD_TARGETS_H_
#define DCP_SUPPORT_SIMD_TARGETS_H_

#define HWY_BROKEN_EMU128 1
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

#endif  // DCP_SUPPORT_SIMD_TARGETS_H_
