// Weights of a linear layer, laid out once for the product kernels.
#ifndef DCP_KERNELS_PACKED_MATRIX_H_
#define DCP_KERNELS_PACKED_MATRIX_H_

#include <cstddef>
#include <cstdint>

#include "base/aligned_buffer.h"
#include "dcp/types.h"

namespace dcp {

// Outputs of one panel, and slots of one cache page: the widest vector that is worth having in float32.
inline constexpr size_t kPanel = 16;

// Inputs that share a scale in kI8.
inline constexpr size_t kQuantBlock = 32;

// A matrix [in, out] cut into panels of kPanel outputs. A panel holds, for input 0, 1, .., the weights of its outputs
// side by side: a product walks it once from front to back, whatever the number of rows, and sums over the inputs in
// that one order.
//
//   f32, f16, bf16   [in][kPanel]
//   i8               per kQuantBlock inputs: float scale[kPanel], then int8 [kQuantBlock / 2][kPanel][2]: inputs in
//                    pairs, which products multiply and add at once
//
// The last panel is filled up with zeros; so is, for i8, the last block of inputs.
class PackedMatrix {
 public:
  PackedMatrix() = default;

  // `weights` is [in, out] row-major, or [out, in] when `out_major`. Throws std::bad_alloc.
  static PackedMatrix Pack(WeightType type, size_t in, size_t out, const float* weights, bool out_major);

  WeightType type() const { return type_; }
  size_t in() const { return in_; }
  size_t out() const { return out_; }
  size_t panels() const { return DivideUp(out_, kPanel); }
  size_t panel_bytes() const { return panel_bytes_; }
  const std::byte* panel(size_t i) const { return data_.data() + i * panel_bytes_; }
  size_t bytes() const { return data_.size(); }

  // Copies the weights of one output to out[0 .. in): a row of an embedding table packed as [C, V].
  void CopyOutput(size_t output, float* out) const;

 private:
  WeightType type_ = WeightType::kF32;
  size_t in_ = 0;
  size_t out_ = 0;
  size_t panel_bytes_ = 0;
  AlignedBuffer<std::byte> data_;
};

// Where the weight of input `i` and output `lane` lies among the integers of a block.
constexpr size_t QuantIndex(size_t i, size_t lane) { return (i / 2 * kPanel + lane) * 2 + i % 2; }

// Bytes of one block of an i8 panel.
inline constexpr size_t kQuantBlockBytes = kPanel * sizeof(float) + kQuantBlock * kPanel;

}  // namespace dcp

#endif  // DCP_KERNELS_PACKED_MATRIX_H_
