// The block of a product that a thread works on, and the kernels that compute it.
#ifndef DCP_KERNELS_LINEAR_BLOCK_H_
#define DCP_KERNELS_LINEAR_BLOCK_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/linear.h"

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

// With weights that are floating-point numbers; rows must have been packed where PacksRows says so.
void FloatBlock(const LinearArgs& args, const LinearBlock& block);

// Packs inputs [begin, end) of the rows of a block.
void PackRows(const LinearArgs& args, const LinearBlock& block, size_t begin, size_t end);

// With weights that are integers; rows must have been rounded.
void IntBlock(const LinearArgs& args, const LinearBlock& block);

// Rounds a row of activations to integers.
void QuantizeRow(const LinearArgs& args, size_t row);

}  // namespace dcp

#endif  // DCP_KERNELS_LINEAR_BLOCK_H_
