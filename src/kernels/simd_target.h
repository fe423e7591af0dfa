// What UseSimdTarget (dcp/simd.h) decides beside the instruction set that Highway dispatches to.
#ifndef DCP_KERNELS_SIMD_TARGET_H_
#define DCP_KERNELS_SIMD_TARGET_H_

namespace dcp {

// Whether kernels for AVX-512 may use AVX512_VNNI: the processor has it, and no lower target was asked for. No target
// of Highway's: processors with it differ in much else, and the sums are the same.
bool MayUseVnni();

}  // namespace dcp

#endif  // DCP_KERNELS_SIMD_TARGET_H_
