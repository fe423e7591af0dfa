// Layer normalisation.
#ifndef DCP_KERNELS_LAYER_NORM_H_
#define DCP_KERNELS_LAYER_NORM_H_

#include <cstddef>

namespace dcp {

// out[c] = (x[c] - mean) / sqrt(variance + epsilon) * weight[c] + bias[c], c < n; the variance is the mean square
// deviation.
void LayerNorm(const float* x, size_t n, const float* weight, const float* bias, float epsilon, float* out);

}  // namespace dcp

#endif  // DCP_KERNELS_LAYER_NORM_H_
