// Products of activations with packed weights.
#ifndef DCP_KERNELS_LINEAR_H_
#define DCP_KERNELS_LINEAR_H_

#include <cstddef>
#include <cstdint>

#include "base/aligned_buffer.h"
#include "base/matrix_view.h"
#include "dcp/thread_pool.h"
#include "kernels/packed_matrix.h"

namespace dcp {

// Inputs of a row that are rounded to 16 bits with one scale, for products with i8 and i4 weights.
inline constexpr size_t kActivationGroup = 384;

// Room for activations in the form that products want: packed for tiles of several rows, or, with i8 and i4
// weights, as integers of 16 bits. Grows, never shrinks; a product at a time.
class LinearScratch {
 public:
  // For rows of `in` activations of a product with such weights; contents are lost. Throws std::bad_alloc.
  void Reserve(WeightType type, size_t rows, size_t in);

  float* packed() { return packed_.data(); }  // [rows * in]

  int16_t* values(size_t row) { return values_.data() + row * stride_; }  // [in rounded up to kQuantBlock]
  float* scales(size_t row) { return scales_.data() + row * groups_; }    // [groups]
  // What a block of inputs adds to each sum where weights stand kNibbleZero too high: [in / kQuantBlock rounded up].
  int32_t* offsets(size_t row) { return offsets_.data() + row * (stride_ / kQuantBlock); }
  size_t stride() const { return stride_; }  // from row to row of the values

 private:
  AlignedBuffer<float> packed_;
  AlignedBuffer<int16_t> values_;
  AlignedBuffer<float> scales_;
  AlignedBuffer<int32_t> offsets_;
  size_t stride_ = 0;
  size_t groups_ = 0;
};

// y = activation(x * w + bias) + residual.
struct LinearArgs {
  ConstMatrix x;                // [B, in]
  const PackedMatrix* weights;  // [in, out]
  const float* bias = nullptr;  // [out rounded up to kPanel] or null
  Activation activation = Activation::kIdentity;
  ConstMatrix residual;  // [B, out] or empty; must not overlap y
  Matrix y;              // [B, cols], cols <= out: only the panels that hold these columns are computed. Rows
                         // must have room for whole panels; residual rows likewise
  LinearScratch* scratch = nullptr;  // REQUIRED for i8 and i4 weights and for more than a handful of rows
};

// Every element of y is a sum over the inputs in ascending order, accumulated in float32, whatever the number of rows
// and threads: a row's result does not depend on the rows beside it, bit for bit.
//
// With i8 and i4 weights, activations are first rounded to 16 bits: each by at most 1/65534 of the largest magnitude in
// its group of kActivationGroup, so that x * w is off by at most that times the sum of the magnitudes of w.
void Linear(const LinearArgs& args, ThreadPool& pool);

}  // namespace dcp

#endif  // DCP_KERNELS_LINEAR_H_
