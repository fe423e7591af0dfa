// What the products of all weight types share: the block that a thread works on, and how a finished panel of it ends.

#ifndef DCP_KERNELS_LINEAR_BLOCK_ONCE_
#define DCP_KERNELS_LINEAR_BLOCK_ONCE_

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/aligned_buffer.h"
#include "kernels/linear.h"
#include "kernels/simd_target.h"

namespace dcp {

// Rows of a block when there are many: their activations stay in the L2 cache while panels pass by.
inline constexpr size_t kRowBlock = 48;

// Few rows are read where they lie; more are packed first, so that a tile finds what it multiplies with an input side
// by side: rows lie several KiB apart, and reading 12 of them in turn costs a tenth of the time.
inline constexpr size_t kFewRows = 6;

constexpr bool PacksRows(size_t rows) { return rows > kFewRows; }

// A block of the product: rows [row_begin, row_end) by panels [panel_begin, panel_end).
struct LinearBlock {
  size_t row_begin, row_end;
  size_t panel_begin, panel_end;

  size_t rows() const { return row_end - row_begin; }
};

// How the rows of a block are cut into tiles of at most kFull: full ones, and a rest in equal parts (8 rows are 4 + 4,
// not 6 + 2: a tile of few rows waits for the latency of its sums). Found once for a block, since a division takes as
// long as the work on several inputs.
template <size_t kFull>
class RowTiles {
 public:
  explicit RowTiles(size_t rows) {
    for (size_t left = rows; left > 0; left -= rows_[count_ - 1]) {
      rows_[count_++] = static_cast<uint8_t>(DivideUp(left, DivideUp(left, kFull)));
    }
  }

  size_t count() const { return count_; }
  size_t rows(size_t tile) const { return rows_[tile]; }

 private:
  std::array<uint8_t, kRowBlock> rows_;
  size_t count_ = 0;
};

}  // namespace dcp

#endif  // DCP_KERNELS_LINEAR_BLOCK_ONCE_

#if defined(DCP_KERNELS_LINEAR_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DCP_KERNELS_LINEAR_BLOCK_INL_H_
#undef DCP_KERNELS_LINEAR_BLOCK_INL_H_
#else
#define DCP_KERNELS_LINEAR_BLOCK_INL_H_
#endif

#include "kernels/activation-inl.h"
#include "kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {

// A vector of finished sums, for row and columns [column, column + kLanes).
HWY_INLINE void Finish(const LinearArgs& args, size_t row, size_t column, FloatVec y) {
  if (args.bias != nullptr) y = hn::Add(y, LoadFloats(args.bias + column));
  y = Activate(args.activation, y);
  if (args.residual.data != nullptr) y = hn::Add(y, LoadFloats(args.residual.row(row) + column));
  StoreFloats(y, args.y.row(row) + column);
}

// Sums of one panel for the rows of a block while inputs are still to come. Not parked in y: there, rows of logits lie
// so far apart that each touches a page of its own.
struct ParkedSums {
  HWY_ALIGN float v[kRowBlock][kPanel];
};

inline void FinishPanel(const LinearArgs& args, const LinearBlock& block, size_t panel, const ParkedSums& parked) {
  for (size_t row = 0; row < block.rows(); ++row) {
    for (size_t v = 0; v < kVecs; ++v) {
      Finish(args, block.row_begin + row, panel * kPanel + v * kLanes, LoadFloats(parked.v[row] + v * kLanes));
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
