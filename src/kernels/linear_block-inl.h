// What the products of all weight types share: the block that a thread works on, and how a finished panel of it ends.

#ifndef DCP_KERNELS_LINEAR_BLOCK_ONCE_
#define DCP_KERNELS_LINEAR_BLOCK_ONCE_

#include <cstddef>

#include "base/aligned_buffer.h"
#include "kernels/linear.h"

namespace dcp {

// Rows of a block when there are many: their activations stay in the L2 cache while panels pass by.
inline constexpr size_t kRowBlock = 48;

// A block of the product: rows [row_begin, row_end) by panels [panel_begin, panel_end).
struct LinearBlock {
  size_t row_begin, row_end;
  size_t panel_begin, panel_end;

  size_t rows() const { return row_end - row_begin; }
};

// Rows of the next tile when `left` remain: full tiles, and a rest in equal parts (8 rows are 4 + 4, not 6 + 2: a tile
// of few rows waits for the latency of its sums).
inline size_t NextTileRows(size_t left, size_t full) { return DivideUp(left, DivideUp(left, full)); }

}  // namespace dcp

#endif  // DCP_KERNELS_LINEAR_BLOCK_ONCE_

#if defined(DCP_KERNELS_LINEAR_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DCP_KERNELS_LINEAR_BLOCK_INL_H_
#undef DCP_KERNELS_LINEAR_BLOCK_INL_H_
#else
#define DCP_KERNELS_LINEAR_BLOCK_INL_H_
#endif

#include "kernels/gelu-inl.h"
#include "kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {

// A vector of finished sums, for row and columns [column, column + kLanes).
HWY_INLINE void Finish(const LinearArgs& args, size_t row, size_t column, FloatVec y) {
  if (args.bias != nullptr) y = hn::Add(y, LoadFloats(args.bias + column));
  if (args.activation == Activation::kGelu) y = Gelu(y);
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

// Weights that lie ahead, asked for while others are multiplied: a piece at each step of the tiles that pass over a
// slice, so that memory delivers all the time and not only while the first tile runs. 15 to 20 % less time for 8 to
// 32 rows than asking for what comes 2 KiB later.
class LookAhead {
 public:
  // `bytes` from `from` on, in `steps` calls of Next().
  LookAhead(const std::byte* from, size_t bytes, size_t steps) : at_(from), step_(DivideUp(bytes, steps)) {}

  HWY_INLINE void Next() {
    for (size_t b = 0; b < step_; b += kCacheLine) hwy::Prefetch(at_ + b);
    at_ += step_;
  }

 private:
  const std::byte* at_;
  size_t step_;
};

}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
