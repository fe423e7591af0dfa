// How a finished panel of a product ends, whatever the type of the weights.

#if defined(DCP_KERNELS_LINEAR_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DCP_KERNELS_LINEAR_BLOCK_INL_H_
#undef DCP_KERNELS_LINEAR_BLOCK_INL_H_
#else
#define DCP_KERNELS_LINEAR_BLOCK_INL_H_
#endif

#include "kernels/activation-inl.h"
#include "kernels/linear_block.h"
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
