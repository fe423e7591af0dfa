// Arithmetic of rows of floats, for the instruction set of the processor.
#ifndef DCP_TOOLS_DCP_FINETUNE_ROW_KERNELS_H_
#define DCP_TOOLS_DCP_FINETUNE_ROW_KERNELS_H_

#include <cstddef>

namespace dcp::finetune {

// y[i] = gelu_new(x[i]), slope[i] its derivative. y may be x.
void GeluTanhRow(const float* x, size_t n, float* y, float* slope);

// row[i] = exp(row[i]) / sum of exp, in place; returns log of that sum.
float SoftmaxRow(float* row, size_t n);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_ROW_KERNELS_H_
