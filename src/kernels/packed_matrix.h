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

// Inputs that share a scale in kI8 and kI4.
inline constexpr size_t kQuantBlock = 32;

// Whether products with such weights are computed in integers, on rounded activations.
constexpr bool IsQuantised(WeightType type) { return type == WeightType::kI8 || type == WeightType::kI4; }

// A matrix [in, out] cut into panels of kPanel outputs. A panel holds, for input 0, 1, .., the weights of its outputs
// side by side: a product walks it once from front to back, whatever the number of rows, and sums over the inputs in
// that one order.
//
//   f32, f16, bf16   [in][kPanel]
//   i8               per kQuantBlock inputs: float scale[kPanel], then int8 [kQuantBlock / 2][kPanel][2]: inputs in
//                    pairs, which products multiply and add at once
//   i4               per kQuantBlock inputs: half scale[kPanel], then uint16 [kQuantBlock / 8][kPanel][2], each holding
//                    one input, of the 2, of four pairs: the first in its lowest nibble; a weight of -8 .. 7 plus 8
//
// The last panel is filled up with zeros; so is, for i8 and i4, the last block of inputs.
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

// The word that the weight of input `i` and output `lane` is in among those of an i4 block, and what is in it.
inline constexpr size_t kNibbles = 4;
inline constexpr int kNibbleZero = 8;  // stands for 0
constexpr size_t NibbleWord(size_t i, size_t lane) { return (i / (2 * kNibbles) * kPanel + lane) * 2 + i % 2; }
constexpr unsigned NibbleShift(size_t i) { return static_cast<unsigned>(i / 2 % kNibbles) * 4; }
constexpr int NibbleOf(uint16_t word, size_t i) { return static_cast<int>(word >> NibbleShift(i) & 15u) - kNibbleZero; }

// Bytes of one block of a panel: i8, i4.
inline constexpr size_t kQuantBlockBytes = kPanel * sizeof(float) + kQuantBlock * kPanel;
inline constexpr size_t kNibbleBlockBytes = kPanel * sizeof(uint16_t) + kQuantBlock * kPanel / 2;

}  // namespace dcp

#endif  // DCP_KERNELS_PACKED_MATRIX_H_
