// Products of activations with packed weights.
#ifndef DCP_KERNELS_LINEAR_H_
#define DCP_KERNELS_LINEAR_H_

#include "base/matrix_view.h"
#include "dcp/thread_pool.h"
#include "kernels/packed_matrix.h"

namespace dcp {

enum class Activation { kNone, kGelu };

// y = activation(x * w + bias) + residual.
struct LinearArgs {
  ConstMatrix x;                              // [B, in]
  const PackedMatrix* weights;                // [in, out]
  const float* bias = nullptr;                // [out rounded up to kPanel] or null
  Activation activation = Activation::kNone;  // GELU in its tanh form (gelu_new)
  ConstMatrix residual;                       // [B, out] or empty; must not overlap y
  Matrix y;  // [B, cols], cols <= out: only the panels that hold these columns are computed. Rows
             // must have room for whole panels; residual rows likewise
};

// Every element of y is a sum over the inputs in ascending order, accumulated in float32, whatever the number of rows
// and threads: a row's result does not depend on the rows beside it, bit for bit.
void Linear(const LinearArgs& args, ThreadPool& pool);

}  // namespace dcp

#endif  // DCP_KERNELS_LINEAR_H_
