// Products with weights that are floating-point numbers of 32 or 16 bits.

#if defined(DCP_KERNELS_LINEAR_FLOAT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DCP_KERNELS_LINEAR_FLOAT_INL_H_
#undef DCP_KERNELS_LINEAR_FLOAT_INL_H_
#else
#define DCP_KERNELS_LINEAR_FLOAT_INL_H_
#endif

#include <algorithm>

#include "kernels/linear_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {
namespace {

// Rows of the largest register tile: with AVX2's 16 registers, 6 rows x 2 vectors of sums, 2 of weights, 1 of x.
constexpr size_t kFloatTileRows = 6;

// Inputs between two steps of a LookAhead.
constexpr size_t kChunk = 8;

// Where few rows pass: weights are asked for this far ahead.
constexpr size_t kPrefetchBytes = 2048;

// With more rows than a tile has, all tiles pass over a slice of a panel before the next slice: it then comes from the
// L1 cache. Parking partial sums changes nothing: they are stored and loaded as they are.
constexpr size_t kSliceBytes = size_t{24} << 10;

template <typename T>
constexpr size_t kSliceInputs = kSliceBytes / (kPanel * sizeof(T));

template <size_t kRows, size_t kPanels>
struct Sums {
  FloatVec v[kRows][kPanels * kVecs];
};

// Adds the products of input i. `x` is the first row's first input, `w` the first panel's, the next one lies
// `panel_stride` further.
template <size_t kRows, size_t kPanels, typename T>
HWY_INLINE void AddInput(const float* x, size_t x_stride, const T* w, size_t panel_stride, size_t i,
                         Sums<kRows, kPanels>& sums) {
  FloatVec weights[kPanels * kVecs];
  for (size_t p = 0; p < kPanels; ++p) {
    for (size_t v = 0; v < kVecs; ++v) {
      weights[p * kVecs + v] = LoadFloats(w + p * panel_stride + i * kPanel + v * kLanes);
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    const FloatVec xr = hn::Set(kFloats, x[r * x_stride + i]);
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
    AddInput(args.x.row(row), args.x.stride, w, panel_stride, i, sums);
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

// A tile's part of the work on a slice of a panel: sums[row] += x[row] * w, taken for zero where `first`.
template <typename T>
struct SliceWork {
  const float* x;
  size_t x_stride;
  const T* w;
  size_t inputs;
  bool first;
};

template <typename T, size_t kRows>
HWY_NOINLINE void SliceTile(const SliceWork<T>& work, LookAhead ahead, float (*parked)[kPanel]) {
  Sums<kRows, 1> sums;
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVecs; ++v) {
      sums.v[r][v] = work.first ? hn::Zero(kFloats) : LoadFloats(parked[r] + v * kLanes);
    }
  }
  size_t i = 0;
  for (; i + kChunk <= work.inputs; i += kChunk) {
    ahead.Next();
    for (size_t k = 0; k < kChunk; ++k) AddInput(work.x, work.x_stride, work.w, 0, i + k, sums);
  }
  for (; i < work.inputs; ++i) AddInput(work.x, work.x_stride, work.w, 0, i, sums);
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVecs; ++v) StoreFloats(sums.v[r][v], parked[r] + v * kLanes);
  }
}

template <typename T>
void SliceRows(size_t rows, const SliceWork<T>& work, LookAhead ahead, float (*parked)[kPanel]) {
  switch (rows) {
    case 3:
      return SliceTile<T, 3>(work, ahead, parked);
    case 4:
      return SliceTile<T, 4>(work, ahead, parked);
    case 5:
      return SliceTile<T, 5>(work, ahead, parked);
    default:
      return SliceTile<T, kFloatTileRows>(work, ahead, parked);
  }
}

// All rows of the block with one slice of one panel.
template <typename T>
void Slice(const LinearArgs& args, const LinearBlock& block, size_t panel, size_t begin, ParkedSums& parked) {
  const size_t inputs = std::min(kSliceInputs<T>, args.weights->in() - begin);
  const T* w = reinterpret_cast<const T*>(args.weights->panel(panel)) + begin * kPanel;
  const size_t tiles = DivideUp(block.rows(), kFloatTileRows);
  const size_t share = DivideUp(inputs * kPanel * sizeof(T), tiles);  // of the next slice, for a tile to ask for
  const std::byte* ahead = reinterpret_cast<const std::byte*>(w + inputs * kPanel);
  for (size_t row = 0, rows = 0; row < block.rows(); row += rows, ahead += share) {
    rows = NextTileRows(block.rows() - row, kFloatTileRows);
    const SliceWork<T> work{args.x.row(block.row_begin + row) + begin, args.x.stride, w, inputs, begin == 0};
    SliceRows<T>(rows, work, LookAhead(ahead, share, DivideUp(inputs, kChunk)), parked.v + row);
  }
}

// Panel by panel, so that weights are read as one stream from front to back.
template <typename T>
void ManyRows(const LinearArgs& args, const LinearBlock& block) {
  ParkedSums parked;
  for (size_t panel = block.panel_begin; panel < block.panel_end; ++panel) {
    for (size_t begin = 0; begin < args.weights->in(); begin += kSliceInputs<T>) {
      Slice<T>(args, block, panel, begin, parked);
    }
    FinishPanel(args, block, panel, parked);
  }
}

template <typename T>
void FloatBlock(const LinearArgs& args, const LinearBlock& block) {
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
    case kFloatTileRows:
      return FewRows<T, kFloatTileRows, 1>(args, block);
    default:
      return ManyRows<T>(args, block);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
