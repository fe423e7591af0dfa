#include "kernels/linear.h"

#include <algorithm>
#include <cstring>

#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/gelu-inl.h"
#include "kernels/simd-inl.h"

#ifndef DCP_KERNELS_LINEAR_ONCE_
#define DCP_KERNELS_LINEAR_ONCE_
namespace dcp {

// A block of the product: rows [row_begin, row_end) by panels [panel_begin, panel_end).
struct LinearBlock {
  size_t row_begin, row_end;
  size_t panel_begin, panel_end;
};

}  // namespace dcp
#endif

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {
namespace {

// Rows of the largest register tile: with AVX2's 16 registers, 6 rows x 2 vectors of sums, 2 of weights, 1 of x.
constexpr size_t kTileRows = 6;

// Inputs handled before moving to the next row tile when there are many rows: the slice of a panel then stays in the L1
// cache. Partial sums are parked in y, which changes nothing: they are stored and loaded as they are. A multiple of
// kQuantBlock.
constexpr size_t kInputBlock = 256;

// How far ahead of the products weights are asked for: 10 to 20 % less time for 4 to 32 rows.
constexpr size_t kPrefetchBytes = 2048;

template <size_t kRows, size_t kPanels>
struct Sums {
  FloatVec v[kRows][kPanels * kVecs];
};

// What the weight types differ in: how a panel's weights of inputs [begin, end) are added to the sums. `first` is the
// panel, at its first input; the next panel lies `panel_bytes` further.
template <typename T>
struct PlainPanel {
  template <size_t kRows, size_t kPanels>
  static HWY_INLINE void Accumulate(const float* x, size_t x_stride, const std::byte* first, size_t panel_bytes,
                                    size_t begin, size_t end, Sums<kRows, kPanels>& sums) {
    for (size_t i = begin; i < end; ++i) {
      FloatVec w[kPanels * kVecs];
      for (size_t p = 0; p < kPanels; ++p) {
        const T* panel = reinterpret_cast<const T*>(first + p * panel_bytes) + i * kPanel;
        // With several panels at once there are streams enough for the hardware to look ahead.
        if constexpr (kPanels == 1) hwy::Prefetch(reinterpret_cast<const std::byte*>(panel) + kPrefetchBytes);
        for (size_t v = 0; v < kVecs; ++v) w[p * kVecs + v] = LoadFloats(panel + v * kLanes);
      }
      for (size_t r = 0; r < kRows; ++r) {
        const FloatVec xr = hn::Set(kFloats, x[r * x_stride + i]);
        for (size_t v = 0; v < kPanels * kVecs; ++v) sums.v[r][v] = hn::MulAdd(xr, w[v], sums.v[r][v]);
      }
    }
  }
};

// REQUIRES: begin is a multiple of kQuantBlock, and so is end unless it is the last input.
struct QuantizedPanel {
  template <size_t kRows, size_t kPanels>
  static HWY_INLINE void Accumulate(const float* x, size_t x_stride, const std::byte* first, size_t panel_bytes,
                                    size_t begin, size_t end, Sums<kRows, kPanels>& sums) {
    for (size_t b = begin; b < end; b += kQuantBlock) {
      const size_t count = std::min(kQuantBlock, end - b);
      for (size_t p = 0; p < kPanels; ++p) {
        const std::byte* block = first + p * panel_bytes + b / kQuantBlock * kQuantBlockBytes;
        const float* scales = reinterpret_cast<const float*>(block);
        const int8_t* values = reinterpret_cast<const int8_t*>(block + kPanel * sizeof(float));
        Sums<kRows, 1> part;
        for (size_t r = 0; r < kRows; ++r) {
          for (size_t v = 0; v < kVecs; ++v) part.v[r][v] = hn::Zero(kFloats);
        }
        for (size_t i = 0; i < count; ++i) {
          FloatVec w[kVecs];
          for (size_t v = 0; v < kVecs; ++v) w[v] = LoadFloats(values + i * kPanel + v * kLanes);
          for (size_t r = 0; r < kRows; ++r) {
            const FloatVec xr = hn::Set(kFloats, x[r * x_stride + b + i]);
            for (size_t v = 0; v < kVecs; ++v) part.v[r][v] = hn::MulAdd(xr, w[v], part.v[r][v]);
          }
        }
        for (size_t v = 0; v < kVecs; ++v) {
          const FloatVec scale = LoadFloats(scales + v * kLanes);
          for (size_t r = 0; r < kRows; ++r) {
            FloatVec& sum = sums.v[r][p * kVecs + v];
            sum = hn::MulAdd(part.v[r][v], scale, sum);
          }
        }
      }
    }
  }
};

template <typename Panel, size_t kRows, size_t kPanels>
HWY_NOINLINE void Tile(const LinearArgs& args, size_t row, size_t panel, size_t begin, size_t end) {
  const PackedMatrix& w = *args.weights;
  const size_t column = panel * kPanel;
  Sums<kRows, kPanels> sums;
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kPanels * kVecs; ++v) {
      sums.v[r][v] = begin == 0 ? hn::Zero(kFloats) : LoadFloats(args.y.row(row + r) + column + v * kLanes);
    }
  }
  Panel::Accumulate(args.x.row(row), args.x.stride, w.panel(panel), w.panel_bytes(), begin, end, sums);
  const bool last = end == w.in();
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kPanels * kVecs; ++v) {
      const size_t c = column + v * kLanes;
      FloatVec y = sums.v[r][v];
      if (last) {
        if (args.bias != nullptr) y = hn::Add(y, LoadFloats(args.bias + c));
        if (args.activation == Activation::kGelu) y = Gelu(y);
        if (args.residual.data != nullptr) y = hn::Add(y, LoadFloats(args.residual.row(row + r) + c));
      }
      StoreFloats(y, args.y.row(row + r) + c);
    }
  }
}

// Few rows: several panels at once keep enough sums in flight to hide the latency of the multiply-add.
template <typename Panel, size_t kRows, size_t kPanels>
void TilePanels(const LinearArgs& args, size_t row, const LinearBlock& block, size_t begin, size_t end) {
  size_t p = block.panel_begin;
  for (; p + kPanels <= block.panel_end; p += kPanels) Tile<Panel, kRows, kPanels>(args, row, p, begin, end);
  for (; p < block.panel_end; ++p) Tile<Panel, kRows, 1>(args, row, p, begin, end);
}

// At most kTileRows rows over all panels of the block.
template <typename Panel>
void RowTile(const LinearArgs& args, size_t row, size_t rows, const LinearBlock& block, size_t begin, size_t end) {
  switch (rows) {
    case 1:
      return TilePanels<Panel, 1, 4>(args, row, block, begin, end);
    case 2:
      return TilePanels<Panel, 2, 2>(args, row, block, begin, end);
    case 3:
      return TilePanels<Panel, 3, 2>(args, row, block, begin, end);
    case 4:
      return TilePanels<Panel, 4, 1>(args, row, block, begin, end);
    case 5:
      return TilePanels<Panel, 5, 1>(args, row, block, begin, end);
    default:
      return TilePanels<Panel, kTileRows, 1>(args, row, block, begin, end);
  }
}

// Rows of the next tile when `left` remain: full tiles, and a rest in equal parts (8 rows are 4 + 4, not 6 + 2: a tile
// of few rows waits for the latency of its sums).
size_t NextTileRows(size_t left) {
  const size_t tiles = DivideUp(left, kTileRows);
  return DivideUp(left, tiles);
}

// Panel by panel, so that weights are read as one stream from front to back; all rows pass over a slice of a panel
// before the next slice.
template <typename Panel>
void Block(const LinearArgs& args, const LinearBlock& block) {
  const size_t in = args.weights->in();
  const size_t rows = block.row_end - block.row_begin;
  if (rows <= kTileRows) return RowTile<Panel>(args, block.row_begin, rows, block, 0, in);
  for (size_t p = block.panel_begin; p < block.panel_end; ++p) {
    const LinearBlock one{0, 0, p, p + 1};
    for (size_t begin = 0; begin < in; begin += kInputBlock) {
      const size_t end = std::min(begin + kInputBlock, in);
      for (size_t row = block.row_begin, tile = 0; row < block.row_end; row += tile) {
        tile = NextTileRows(block.row_end - row);
        RowTile<Panel>(args, row, tile, one, begin, end);
      }
    }
  }
}

void ComputeBlock(const LinearArgs& args, const LinearBlock& block) {
  switch (args.weights->type()) {
    case WeightType::kF32:
      return Block<PlainPanel<float>>(args, block);
    case WeightType::kBF16:
      return Block<PlainPanel<hwy::bfloat16_t>>(args, block);
    case WeightType::kF16:
      return Block<PlainPanel<hwy::float16_t>>(args, block);
    case WeightType::kI8:
      return Block<QuantizedPanel>(args, block);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dcp {
namespace {

HWY_EXPORT(ComputeBlock);

// Rows of a block when there are many: their activations stay in the L2 cache while panels pass by.
constexpr size_t kRowBlock = 48;

// Blocks that each thread gets, at the least, so that one that is held up does not hold up all.
constexpr size_t kBlocksPerThread = 4;

}  // namespace

void Linear(const LinearArgs& args, ThreadPool& pool) {
  const size_t panels = DivideUp(args.y.cols, kPanel);
  const size_t row_blocks = DivideUp(args.x.rows, kRowBlock);
  const size_t wanted =
      DivideUp(kBlocksPerThread * static_cast<size_t>(pool.threads()), std::max<size_t>(row_blocks, 1));
  // A multiple of four panels suits the tile for one row.
  const size_t step = std::max<size_t>(4, RoundUp(DivideUp(panels, wanted), 4));
  const size_t panel_blocks = DivideUp(panels, step);
  pool.ParallelFor(row_blocks * panel_blocks, [&](size_t i, size_t) {
    const size_t row = i / panel_blocks * kRowBlock;
    const size_t panel = i % panel_blocks * step;
    const LinearBlock block{row, std::min(row + kRowBlock, args.x.rows), panel, std::min(panel + step, panels)};
    HWY_DYNAMIC_DISPATCH(ComputeBlock)(args, block);
  });
}

}  // namespace dcp
#endif  // HWY_ONCE
