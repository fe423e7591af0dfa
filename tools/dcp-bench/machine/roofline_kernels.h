// The two loops that show what the processor can do: reading memory, and multiplying and adding.
#ifndef DCP_TOOLS_DCP_BENCH_MACHINE_ROOFLINE_KERNELS_H_
#define DCP_TOOLS_DCP_BENCH_MACHINE_ROOFLINE_KERNELS_H_

#include <cstddef>

namespace dcp::tools {

// Sums n floats, n a multiple of 256, data aligned to 64 bytes.
float SumFloats(const float* data, size_t n);

// Independent chains of multiply-adds on vectors of float32, `rounds` links each. Returns something that depends on all
// of them; `flops` gets the number of operations, two for each multiply-add and lane.
float ChainMultiplyAdds(size_t rounds, double* flops);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_MACHINE_ROOFLINE_KERNELS_H_
