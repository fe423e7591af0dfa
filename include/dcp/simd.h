// Which instruction set the kernels use: the best one of this processor, unless told otherwise.
#ifndef DCP_SIMD_H_
#define DCP_SIMD_H_

#include <string>
#include <string_view>
#include <vector>

#include "dcp/export.h"

namespace dcp {

// Those that this build has kernels for and this processor runs, best first. On x86-64, of these:
//
//   avx512vnni  vectors of 512 bits; i8 and i4 weights multiplied by AVX512_VNNI
//   avx512      vectors of 512 bits
//   avx2        vectors of 256 bits, with FMA and F16C
//   sse4        vectors of 128 bits
//   scalar      no instructions beyond those of every x86-64
//
// Thread-safe.
DCP_EXPORT const std::vector<std::string>& SimdTargets();

// The one in use. Thread-safe.
DCP_EXPORT std::string_view SimdTarget();

// Uses another one of SimdTargets(), for tests and timings: in the whole process, from the next call of the library on.
// Float sums are taken in another order and with other roundings, so results differ as between two machines. Throws
// Error(kInvalidArgument) naming the choices. Not while another thread is in a call of the library.
DCP_EXPORT void UseSimdTarget(std::string_view name);

}  // namespace dcp

#endif  // DCP_SIMD_H_
