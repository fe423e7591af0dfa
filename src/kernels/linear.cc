#include "kernels/linear.h"

#include <algorithm>

#include "kernels/linear_block.h"

namespace dcp {
namespace {

// Blocks that each thread gets, at the least, so that one that is held up does not hold up all.
constexpr size_t kBlocksPerThread = 8;

// Fewer rows than this are packed or rounded by the calling thread: waking the others would take longer.
constexpr size_t kParallelRows = 8;

// Inputs that are packed at a time.
constexpr size_t kPackInputs = 256;

void QuantizeRows(const LinearArgs& args, ThreadPool& pool) {
  const auto one = [&](size_t row, size_t) { QuantizeRow(args, row); };
  if (args.x.rows >= kParallelRows) return pool.ParallelFor(args.x.rows, one);
  for (size_t row = 0; row < args.x.rows; ++row) one(row, 0);
}

// The rows cut into blocks of equal size, but for the last one.
struct RowBlocks {
  explicit RowBlocks(size_t row_count)
      : rows(row_count), count(DivideUp(rows, kRowBlock)), step(DivideUp(rows, std::max<size_t>(count, 1))) {}

  LinearBlock Block(size_t i) const { return {i * step, std::min((i + 1) * step, rows), 0, 0}; }

  size_t rows, count, step;
};

void PackBlocks(const LinearArgs& args, const RowBlocks& blocks, ThreadPool& pool) {
  const size_t pieces = DivideUp(args.x.cols, kPackInputs);
  const auto one = [&](size_t i, size_t) {
    const size_t begin = i % pieces * kPackInputs;
    PackRows(args, blocks.Block(i / pieces), begin, std::min(begin + kPackInputs, args.x.cols));
  };
  if (args.x.rows >= kParallelRows) return pool.ParallelFor(blocks.count * pieces, one);
  for (size_t i = 0; i < blocks.count * pieces; ++i) one(i, 0);
}

}  // namespace

void LinearScratch::Reserve(WeightType type, size_t rows, size_t in) {
  if (!IsQuantised(type)) {
    if (rows * in > packed_.size()) packed_ = AlignedBuffer<float>(rows * in);
    return;
  }
  stride_ = RoundUp(in, kQuantBlock);
  groups_ = DivideUp(in, kActivationGroup);
  if (rows * stride_ > values_.size()) values_ = AlignedBuffer<int16_t>(rows * stride_);
  if (rows * groups_ > scales_.size()) scales_ = AlignedBuffer<float>(rows * groups_);
  if (type != WeightType::kI4) return;
  const size_t blocks = stride_ / kQuantBlock;
  if (rows * blocks > offsets_.size()) offsets_ = AlignedBuffer<int32_t>(rows * blocks);
}

void Linear(const LinearArgs& args, ThreadPool& pool) {
  const RowBlocks row_blocks(args.x.rows);
  const WeightType type = args.weights->type();
  const bool packs = !IsQuantised(type) && PacksRows(row_blocks.step);
  if (IsQuantised(type) || packs) args.scratch->Reserve(type, args.x.rows, args.x.cols);
  if (IsQuantised(type)) QuantizeRows(args, pool);
  if (packs) PackBlocks(args, row_blocks, pool);
  const size_t panels = DivideUp(args.y.cols, kPanel);
  const size_t wanted =
      DivideUp(kBlocksPerThread * static_cast<size_t>(pool.threads()), std::max<size_t>(row_blocks.count, 1));
  // A multiple of four panels suits the tile for one row.
  const size_t step = std::max<size_t>(4, RoundUp(DivideUp(panels, wanted), 4));
  const size_t panel_blocks = DivideUp(panels, step);
  pool.ParallelFor(row_blocks.count * panel_blocks, [&](size_t i, size_t) {
    LinearBlock block = row_blocks.Block(i / panel_blocks);
    block.panel_begin = i % panel_blocks * step;
    block.panel_end = std::min(block.panel_begin + step, panels);
    IsQuantised(type) ? IntBlock(args, block) : FloatBlock(args, block);
  });
}

}  // namespace dcp
