// Products with weights that are floating-point numbers of 32 or 16 bits.
#include <algorithm>

#include "kernels/linear_block.h"
#include "support/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear_float.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/linear_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {
namespace {

// The largest register tile: 6 rows x 2 vectors of sums, 2 of weights and 1 of x in 16 registers; 12 rows x 2 vectors
// in the 32 of AVX-512, whose vectors hold a whole panel, so that a tile takes two.
constexpr size_t kFloatTileRows = kVecs == 1 ? 12 : 6;
constexpr size_t kFloatTilePanels = kVecs == 1 ? 2 : 1;

// Inputs between two steps of a LookAhead.
constexpr size_t kChunk = 8;

// Where few rows pass: weights are asked for this far ahead.
constexpr size_t kPrefetchBytes = 2048;

// With many rows, all tiles pass over a slice of the panels before the next slice: it then comes from the L1 cache.
// Parking partial sums changes nothing: they are stored and loaded as they are.
constexpr size_t kSliceBytes = size_t{kVecs == 1 ? 12 : 24} << 10;

using FloatTiles = RowTiles<kFloatTileRows>;

template <typename T>
constexpr size_t kSliceInputs = kSliceBytes / (kFloatTilePanels * kPanel * sizeof(T));

template <size_t kRows, size_t kPanels>
struct Sums {
  FloatVec v[kRows][kPanels * kVecs];
};

// Adds the products of one input. `x` is the first row's, the next one lies `x_stride` further; `w` is the first
// panel's, the next one lies `panel_stride` further.
template <size_t kRows, size_t kPanels, typename T>
HWY_INLINE void AddInput(const float* x, size_t x_stride, const T* w, size_t panel_stride, Sums<kRows, kPanels>& sums) {
  FloatVec weights[kPanels * kVecs];
  for (size_t v = 0; v < kPanels * kVecs; ++v) {
    weights[v] = LoadFloats(w + v / kVecs * panel_stride + v % kVecs * kLanes);
  }
  for (size_t r = 0; r < kRows; ++r) {
    const FloatVec xr = hn::Set(kFloats, x[r * x_stride]);
    for (size_t v = 0; v < kPanels * kVecs; ++v) sums.v[r][v] = hn::MulAdd(xr, weights[v], sums.v[r][v]);
  }
}

// Few rows: several panels at once keep enough sums in flight to hide the latency of the multiply-add.
template <typename T, size_t kRows, size_t kPanels>
HWY_NOINLINE void WholePanels(const LinearArgs& args, size_t row, size_t panel) {
  Sums<kRows, kPanels> sums;
  for (auto& row_sums : sums.v) {
    for (FloatVec& v : row_sums) v = hn::Zero(kFloats);
  }
  const T* w = reinterpret_cast<const T*>(args.weights->panel(panel));
  const size_t panel_stride = args.weights->panel_bytes() / sizeof(T);
  for (size_t i = 0; i < args.weights->in(); ++i) {
    // With several panels at once there are streams enough for the hardware to look ahead.
    if constexpr (kPanels == 1) hwy::Prefetch(reinterpret_cast<const std::byte*>(w + i * kPanel) + kPrefetchBytes);
    AddInput(args.x.row(row) + i, args.x.stride, w + i * kPanel, panel_stride, sums);
  }
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kPanels * kVecs; ++v) Finish(args, row + r, panel * kPanel + v * kLanes, sums.v[r][v]);
  }
}

template <typename T, size_t kRows, size_t kPanels>
void FewRows(const LinearArgs& args, const LinearBlock& block) {
  size_t p = block.panel_begin;
  for (; p + kPanels <= block.panel_end; p += kPanels) WholePanels<T, kRows, kPanels>(args, block.row_begin, p);
  for (; p < block.panel_end; ++p) WholePanels<T, kRows, 1>(args, block.row_begin, p);
}

// Rows of a block packed: those of a tile together, [in][rows of the tile], tile after tile.
float* PackedRows(const LinearArgs& args, size_t row) { return args.scratch->packed() + row * args.x.cols; }

// Packs inputs [begin, end).
void PackTiles(const LinearArgs& args, const LinearBlock& block, size_t begin, size_t end) {
  const FloatTiles tiles(block.rows());
  for (size_t tile = 0, row = block.row_begin; tile < tiles.count(); row += tiles.rows(tile++)) {
    const size_t rows = tiles.rows(tile);
    const float* x = args.x.row(row) + begin;
    float* packed = PackedRows(args, row) + begin * rows;
    for (size_t i = begin; i < end; ++i, ++x, packed += rows) {
      for (size_t r = 0; r < rows; ++r) packed[r] = x[r * args.x.stride];
    }
  }
}

// A tile's part of the work on a slice of one panel or more: sums[row] += x[row] * w, taken for zero where `first`.
template <typename T>
struct SliceWork {
  const float* x;  // packed
  const T* w;
  size_t panel_stride;
  size_t inputs;
  bool first;
  const T* ahead;     // weights to ask for meanwhile,
  size_t ahead_step;  // so many with each input
};

// kStep inputs at a time, of which `inputs` is a multiple.
template <typename T, size_t kRows, size_t kPanels, size_t kStep>
HWY_NOINLINE void SliceTile(const SliceWork<T>& work, ParkedSums* parked, size_t row) {
  Sums<kRows, kPanels> sums;
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kPanels * kVecs; ++v) {
      sums.v[r][v] = work.first ? hn::Zero(kFloats) : LoadFloats(parked[v / kVecs].v[row + r] + v % kVecs * kLanes);
    }
  }
  const float* x = work.x;
  const T* w = work.w;
  const size_t panel_stride = work.panel_stride;
  const T* ahead = work.ahead;
  for (size_t left = work.inputs; left > 0; left -= kStep, x += kStep * kRows, w += kStep * kPanel) {
#pragma GCC unroll 8
    for (size_t k = 0; k < kStep; ++k) {
      for (size_t p = 0; p < kPanels; ++p) hwy::Prefetch(ahead + p * panel_stride);
      ahead += work.ahead_step;
      AddInput(x + k * kRows, 1, w + k * kPanel, panel_stride, sums);
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kPanels * kVecs; ++v) {
      StoreFloats(sums.v[r][v], parked[v / kVecs].v[row + r] + v % kVecs * kLanes);
    }
  }
}

// The tile for so many rows, one of 1 .. kRows.
template <typename T, size_t kPanels, size_t kRows = kFloatTileRows>
void SliceRows(size_t rows, const SliceWork<T>& work, ParkedSums* parked, size_t row) {
  if (rows == kRows) {
    SliceWork<T> whole = work;
    whole.inputs = work.inputs / kChunk * kChunk;
    SliceTile<T, kRows, kPanels, kChunk>(whole, parked, row);
    if (whole.inputs == work.inputs) return;
    SliceWork<T> rest = work;
    rest.x += whole.inputs * kRows;
    rest.w += whole.inputs * kPanel;
    rest.inputs -= whole.inputs;
    rest.first = work.first && whole.inputs == 0;
    rest.ahead_step = 0;
    return SliceTile<T, kRows, kPanels, 1>(rest, parked, row);
  }
  if constexpr (kRows > 1) SliceRows<T, kPanels, kRows - 1>(rows, work, parked, row);
}

// All rows of the block with one slice of kPanels panels.
template <typename T, size_t kPanels>
void Slice(const LinearArgs& args, const LinearBlock& block, const FloatTiles& tiles, size_t panel, size_t begin,
           size_t ahead_step, ParkedSums* parked) {
  const size_t panel_bytes = args.weights->panel_bytes();
  const auto* w = reinterpret_cast<const T*>(args.weights->panel(panel)) + begin * kPanel;
  const size_t inputs = std::min(kSliceInputs<T>, args.weights->in() - begin);
  // Each tile asks for its share of the next slice.
  SliceWork<T> work{nullptr, w, panel_bytes / sizeof(T), inputs, begin == 0, w + inputs * kPanel, ahead_step};
  for (size_t tile = 0, row = 0; tile < tiles.count(); row += tiles.rows(tile++)) {
    const size_t rows = tiles.rows(tile);
    work.x = PackedRows(args, block.row_begin + row) + begin * rows;
    SliceRows<T, kPanels>(rows, work, parked, row);
    work.ahead += inputs * ahead_step;
  }
}

template <typename T, size_t kPanels>
void PanelsWithManyRows(const LinearArgs& args, const LinearBlock& block, const FloatTiles& tiles, size_t panel) {
  ParkedSums parked[kPanels];
  const size_t ahead_step = DivideUp(kPanel, tiles.count());
  for (size_t begin = 0; begin < args.weights->in(); begin += kSliceInputs<T>) {
    Slice<T, kPanels>(args, block, tiles, panel, begin, ahead_step, parked);
  }
  for (size_t p = 0; p < kPanels; ++p) FinishPanel(args, block, panel + p, parked[p]);
}

// Panel by panel, so that weights are read as one stream, or a few, from front to back.
template <typename T>
void ManyRows(const LinearArgs& args, const LinearBlock& block) {
  const FloatTiles tiles(block.rows());
  size_t panel = block.panel_begin;
  for (; panel + kFloatTilePanels <= block.panel_end; panel += kFloatTilePanels) {
    PanelsWithManyRows<T, kFloatTilePanels>(args, block, tiles, panel);
  }
  for (; panel < block.panel_end; ++panel) PanelsWithManyRows<T, 1>(args, block, tiles, panel);
}

template <typename T>
void BlockOf(const LinearArgs& args, const LinearBlock& block) {
  switch (block.rows()) {
    case 1:
      return FewRows<T, 1, 4>(args, block);
    case 2:
      return FewRows<T, 2, 2>(args, block);
    case 3:
      return FewRows<T, 3, 2>(args, block);
    case 4:
      return FewRows<T, 4, 1>(args, block);
    case 5:
      return FewRows<T, 5, 1>(args, block);
    case kFewRows:
      return FewRows<T, kFewRows, 1>(args, block);
    default:
      return ManyRows<T>(args, block);
  }
}

void ComputeFloatBlock(const LinearArgs& args, const LinearBlock& block) {
  switch (args.weights->type()) {
    case WeightType::kBF16:
      return BlockOf<hwy::bfloat16_t>(args, block);
    case WeightType::kF16:
      return BlockOf<hwy::float16_t>(args, block);
    default:
      return BlockOf<float>(args, block);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dcp {
namespace {

HWY_EXPORT(ComputeFloatBlock);
HWY_EXPORT(PackTiles);

}  // namespace

void FloatBlock(const LinearArgs& args, const LinearBlock& block) {
  HWY_DYNAMIC_DISPATCH(ComputeFloatBlock)(args, block);
}

void PackRows(const LinearArgs& args, const LinearBlock& block, size_t begin, size_t end) {
  HWY_DYNAMIC_DISPATCH(PackTiles)(args, block, begin, end);
}

}  // namespace dcp
#endif  // HWY_ONCE
