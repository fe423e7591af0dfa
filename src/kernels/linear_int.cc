// Products with weights that are integers of 8 or 4 bits, on activations rounded to integers of 16 bits.
//
// Two inputs are multiplied and added at once in integers, which is exact; the sum over the kQuantBlock inputs that
// share a scale fits 32 bits with room to spare. Sums of blocks and of groups are float32, in ascending order.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/linear_block.h"
#include "kernels/simd_target.h"
#include "support/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear_int.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/linear_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {
namespace {

using IntVec = hn::Vec<IntTag>;

// The largest tile: 4 rows x 2 vectors of sums leave AVX2 registers for weights and products, 6 x 2 do not. With the 32
// registers of AVX-512 they do, and its vectors hold a whole panel, so that a tile takes two.
constexpr size_t kIntTileRows = kVecs == 1 ? 6 : 4;
constexpr size_t kIntTilePanels = kVecs == 1 ? 2 : 1;

// Panels that are taken together, at most.
constexpr size_t kMostPanels = 4;

using IntTiles = RowTiles<kIntTileRows>;

constexpr float kLargestInt16 = 32767.0f;

float LargestMagnitude(const float* x, size_t n) {
  FloatVec largest = hn::Zero(kFloats);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) largest = hn::Max(largest, hn::Abs(LoadFloats(x + i)));
  float result = hn::GetLane(hn::MaxOfLanes(kFloats, largest));
  for (; i < n; ++i) result = std::max(result, std::abs(x[i]));
  return result;
}

// values[i] = x[i] / scale, rounded, for n inputs; returns the scale.
float QuantizeGroup(const float* x, size_t n, int16_t* values) {
  constexpr float kSmallest = 1e-30f;  // the inverse of less would overflow
  const float largest = LargestMagnitude(x, n);
  const float inverse = largest > kSmallest ? kLargestInt16 / largest : 0.0f;
  const FloatVec factor = hn::Set(kFloats, inverse);
  const hn::Rebind<int16_t, IntTag> narrow;
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    hn::StoreU(hn::DemoteTo(narrow, hn::NearestInt(hn::Mul(LoadFloats(x + i), factor))), narrow, values + i);
  }
  for (; i < n; ++i) {
    values[i] = static_cast<int16_t>(std::clamp(std::nearbyint(x[i] * inverse), -kLargestInt16, kLargestInt16));
  }
  return largest / kLargestInt16;
}

void SumBlocks(const int16_t* values, size_t blocks, int32_t* offsets) {
  for (size_t b = 0; b < blocks; ++b, values += kQuantBlock) {
    int32_t sum = 0;
    for (size_t i = 0; i < kQuantBlock; ++i) sum += values[i];
    offsets[b] = -kNibbleZero * sum;
  }
}

void RoundRow(const LinearArgs& args, size_t row) {
  const size_t in = args.x.cols;
  int16_t* values = args.scratch->values(row);
  for (size_t begin = 0, group = 0; begin < in; begin += kActivationGroup, ++group) {
    const size_t n = std::min(kActivationGroup, in - begin);
    args.scratch->scales(row)[group] = QuantizeGroup(args.x.row(row) + begin, n, values + begin);
  }
  std::fill(values + in, values + RoundUp(in, kQuantBlock), int16_t{0});
  if (args.weights->type() == WeightType::kI4) SumBlocks(values, DivideUp(in, kQuantBlock), args.scratch->offsets(row));
}

// Weights that lie ahead, asked for while others are multiplied, a piece at a time, so that memory delivers all the
// time and not only while the first tile runs.
struct LookAhead {
  const std::byte* at;
  size_t step;  // bytes
};

// Whether there may be an instruction that multiplies and adds pairs of 16 bits (AVX512_VNNI).
#if HWY_COMPILER_GCC_ACTUAL && HWY_TARGET == HWY_AVX3
constexpr bool kPairInstruction = true;
#else
constexpr bool kPairInstruction = false;
#endif

// How weights lie in a block of inputs (packed_matrix.h), and how many inputs of it are loaded at once: a piece.
struct I8Weights {
  using Scale = float;
  static constexpr size_t kBlockBytes = kQuantBlockBytes;
  static constexpr size_t kPieceInputs = 2;
  static constexpr size_t kFewPanels = 4;  // that are taken together where rows are few
  static constexpr bool kOffsets = false;  // weights stand too high by kNibbleZero

  static int At(const std::byte* values, size_t i, size_t lane) {
    return reinterpret_cast<const int8_t*>(values)[QuantIndex(i, lane)];
  }
};

struct I4Weights {
  using Scale = hwy::float16_t;
  static constexpr size_t kBlockBytes = kNibbleBlockBytes;
  static constexpr size_t kPieceInputs = kNibbles * 2;
  static constexpr size_t kFewPanels = kVecs == 1 ? 4 : 2;  // what the registers hold
  static constexpr bool kOffsets = true;

  static int At(const std::byte* values, size_t i, size_t lane) {
    return NibbleOf(reinterpret_cast<const uint16_t*>(values)[NibbleWord(i, lane)], i) + kNibbleZero;
  }
};

template <typename W>
constexpr size_t kScaleBytes = kPanel * sizeof(typename W::Scale);

template <typename W>
constexpr size_t kPieces = kQuantBlock / W::kPieceInputs;

#if HWY_TARGET == HWY_SCALAR

// Adds the products of one block of inputs of kPanels panels with kRows rows, in integers. `w` is the first panel's,
// the next one lies `panel_bytes` further.
template <typename W, size_t kRows, size_t kPanels, bool kPair>
void DotBlock(const int16_t* x, size_t x_stride, const std::byte* w, size_t panel_bytes, LookAhead&,
              IntVec (&dots)[kRows][kPanels * kVecs]) {
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kPanels * kVecs; ++v) {
      int32_t sum = 0;
      for (size_t i = 0; i < kQuantBlock; ++i) {
        sum += x[r * x_stride + i] * W::At(w + v / kPanel * panel_bytes, i, v % kPanel);
      }
      dots[r][v] = hn::Add(dots[r][v], hn::Set(kInts, sum));
    }
  }
}

#else

using Int16Tag = hn::Repartition<int16_t, IntTag>;
using Int16Vec = hn::Vec<Int16Tag>;

// Adds a[2i] * b[2i] + a[2i + 1] * b[2i + 1] to lane i.
template <bool kPair>
HWY_INLINE IntVec AddPairs(Int16Vec a, Int16Vec b, IntVec sum) {
#if HWY_COMPILER_GCC_ACTUAL && HWY_TARGET == HWY_AVX3
  if constexpr (kPair) {
    asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
    return sum;
  }
#endif
  IntVec odd = hn::Zero(kInts);
  const IntVec even = hn::ReorderWidenMulAccumulate(kInts, a, b, sum, odd);
  return hn::RearrangeToOddPlusEven(even, odd);
}

HWY_INLINE Int16Vec BroadcastPair(const int16_t* pair) {
  int32_t both;
  std::memcpy(&both, pair, sizeof both);
  return hn::BitCast(Int16Tag(), hn::Set(kInts, both));
}

// A vector of a piece of 8-bit weights.
HWY_INLINE Int16Vec LoadPiece(I8Weights, const std::byte* piece, size_t v) {
  const hn::Rebind<int8_t, Int16Tag> bytes;
  return hn::PromoteTo(Int16Tag(), hn::LoadU(bytes, reinterpret_cast<const int8_t*>(piece) + v * 2 * kLanes));
}

HWY_INLINE Int16Vec LoadPiece(I4Weights, const std::byte* piece, size_t v) {
  return hn::LoadU(Int16Tag(), reinterpret_cast<const int16_t*>(piece) + v * 2 * kLanes);
}

// The weights of pair kPairOfPiece of a piece.
template <size_t kPairOfPiece>
HWY_INLINE Int16Vec PairOf(I8Weights, Int16Vec piece) {
  return piece;
}

template <size_t kPairOfPiece>
HWY_INLINE Int16Vec PairOf(I4Weights, Int16Vec piece) {
  using Unsigned = hn::RebindToUnsigned<Int16Tag>;
  const auto words = hn::ShiftRight<4 * kPairOfPiece>(hn::BitCast(Unsigned(), piece));
  if constexpr (kPairOfPiece + 1 == kNibbles) return hn::BitCast(Int16Tag(), words);
  return hn::BitCast(Int16Tag(), hn::And(words, hn::Set(Unsigned(), 15)));
}

// Adds the products of pairs kPairOfPiece and up of a piece.
template <typename W, bool kPair, size_t kRows, size_t kAllVecs, size_t kPairOfPiece = 0>
HWY_INLINE void AddPiece(const int16_t* x, size_t x_stride, const Int16Vec (&pieces)[kAllVecs],
                         IntVec (&dots)[kRows][kAllVecs]) {
  Int16Vec weights[kAllVecs];
  for (size_t v = 0; v < kAllVecs; ++v) weights[v] = PairOf<kPairOfPiece>(W(), pieces[v]);
  for (size_t r = 0; r < kRows; ++r) {
    const Int16Vec pair = BroadcastPair(x + r * x_stride + 2 * kPairOfPiece);
    for (size_t v = 0; v < kAllVecs; ++v) {
      dots[r][v] = AddPairs<kPair>(pair, weights[v], dots[r][v]);
      Settle(dots[r][v]);
    }
  }
  if constexpr (2 * (kPairOfPiece + 1) < W::kPieceInputs) {
    AddPiece<W, kPair, kRows, kAllVecs, kPairOfPiece + 1>(x, x_stride, pieces, dots);
  }
}

template <typename W, size_t kRows, size_t kPanels, bool kPair>
HWY_INLINE void DotBlock(const int16_t* x, size_t x_stride, const std::byte* w, size_t panel_bytes, LookAhead& ahead,
                         IntVec (&dots)[kRows][kPanels * kVecs]) {
  constexpr size_t kPieceBytes = (W::kBlockBytes - kScaleBytes<W>) / kPieces<W>;
#pragma GCC unroll 16  // 10 % less time
  for (size_t piece = 0; piece < kPieces<W>; ++piece) {
    // One or two rows read faster when left to the hardware's own look-ahead: 10 to 15 % less time.
    if constexpr (kRows > 2) {
      for (size_t p = 0; p < kPanels; ++p) hwy::Prefetch(ahead.at + p * panel_bytes);
      ahead.at += ahead.step;
    }
    Int16Vec pieces[kPanels * kVecs];
    for (size_t v = 0; v < kPanels * kVecs; ++v) {
      pieces[v] = LoadPiece(W(), w + v / kVecs * panel_bytes + piece * kPieceBytes, v % kVecs);
    }
    AddPiece<W, kPair>(x + piece * W::kPieceInputs, x_stride, pieces, dots);
  }
}

#endif  // HWY_TARGET

// Where a tile's sums wait while groups of inputs are still to come: one for each of the panels taken together.
using ParkedPanels = ParkedSums[kMostPanels];

// A tile's part of the work on one group of inputs.
struct GroupWork {
  const int16_t* x;  // the first row's
  size_t x_stride;
  const float* x_scale;  // of the group; the next row's lies x_scale_stride further
  size_t x_scale_stride;
  const int32_t* offsets;  // of the group's first block; the next row's lies offsets_stride further
  size_t offsets_stride;
  const std::byte* w;  // the first panel's
  size_t panel_bytes;
  size_t blocks;
  bool first;
  LookAhead ahead;
};

// parked sums of rows [row, row + kRows) += scale of the group times the sum over its blocks, taken for zero in the
// first group.
template <typename W, size_t kRows, size_t kPanels, bool kPair>
HWY_NOINLINE void GroupTile(const GroupWork& work, size_t row, ParkedPanels& parked) {
  const size_t panel_bytes = work.panel_bytes;
  const std::byte* block = work.w;
  const int16_t* x = work.x;
  LookAhead ahead = work.ahead;
  FloatVec sums[kRows][kPanels * kVecs];
  for (auto& row_sums : sums) {
    for (FloatVec& v : row_sums) v = hn::Zero(kFloats);
  }
  for (size_t b = 0; b < work.blocks; ++b, block += W::kBlockBytes, x += kQuantBlock) {
    IntVec dots[kRows][kPanels * kVecs];
    for (size_t r = 0; r < kRows; ++r) {
      const int32_t offset = W::kOffsets ? work.offsets[r * work.offsets_stride + b] : 0;
      for (IntVec& v : dots[r]) v = hn::Set(kInts, offset);
    }
    DotBlock<W, kRows, kPanels, kPair>(x, work.x_stride, block + kScaleBytes<W>, panel_bytes, ahead, dots);
    for (size_t v = 0; v < kPanels * kVecs; ++v) {
      const auto* scales = reinterpret_cast<const typename W::Scale*>(block + v / kVecs * panel_bytes);
      const FloatVec scale = LoadFloats(scales + v % kVecs * kLanes);
      for (size_t r = 0; r < kRows; ++r) {
        sums[r][v] = hn::MulAdd(hn::ConvertTo(kFloats, dots[r][v]), scale, sums[r][v]);
      }
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    const FloatVec scale = hn::Set(kFloats, work.x_scale[r * work.x_scale_stride]);
    for (size_t v = 0; v < kPanels * kVecs; ++v) {
      float* sum = parked[v / kVecs].v[row + r] + v % kVecs * kLanes;
      StoreFloats(hn::MulAdd(sums[r][v], scale, work.first ? hn::Zero(kFloats) : LoadFloats(sum)), sum);
    }
  }
}

// The tile for so many rows, one of 1 .. kRows.
template <typename W, size_t kPanels, bool kPair, size_t kRows = kIntTileRows>
void GroupRows(size_t rows, const GroupWork& work, size_t row, ParkedPanels& parked) {
  if (rows == kRows) return GroupTile<W, kRows, kPanels, kPair>(work, row, parked);
  if constexpr (kRows > 1) GroupRows<W, kPanels, kPair, kRows - 1>(rows, work, row, parked);
}

// All rows of the block with kPanels panels from `panel` on.
template <typename W, size_t kPanels, size_t kMostRows, bool kPair>
void Panels(const LinearArgs& args, const LinearBlock& block, const IntTiles& tiles, size_t panel,
            ParkedPanels& parked) {
  constexpr size_t kGroupBlocks = kActivationGroup / kQuantBlock;
  const size_t groups = DivideUp(args.x.cols, kActivationGroup);
  const std::byte* w = args.weights->panel(panel);
  GroupWork work;
  work.x_stride = args.scratch->stride();
  work.x_scale_stride = groups;
  work.offsets = nullptr;
  work.offsets_stride = args.scratch->stride() / kQuantBlock;
  work.panel_bytes = args.weights->panel_bytes();
  work.ahead.step = DivideUp(W::kBlockBytes / kPieces<W>, tiles.count());
  for (size_t group = 0; group < groups; ++group, w += kGroupBlocks * W::kBlockBytes) {
    const size_t begin = group * kActivationGroup;
    work.w = w;
    work.blocks = DivideUp(std::min(kActivationGroup, args.x.cols - begin), kQuantBlock);
    work.first = group == 0;
    // Each tile asks for its share of the next group.
    work.ahead.at = w + work.blocks * W::kBlockBytes;
    for (size_t tile = 0, row = 0; tile < tiles.count(); row += tiles.rows(tile++)) {
      work.x = args.scratch->values(block.row_begin + row) + begin;
      work.x_scale = args.scratch->scales(block.row_begin + row) + group;
      if (W::kOffsets) work.offsets = args.scratch->offsets(block.row_begin + row) + group * kGroupBlocks;
      GroupRows<W, kPanels, kPair, kMostRows>(tiles.rows(tile), work, row, parked);
      work.ahead.at += work.ahead.step * work.blocks * kPieces<W>;
    }
  }
  for (size_t p = 0; p < kPanels; ++p) FinishPanel(args, block, panel + p, parked[p]);
}

template <typename W, size_t kPanels, size_t kMostRows, bool kPair>
void AllPanels(const LinearArgs& args, const LinearBlock& block) {
  ParkedPanels parked;
  const IntTiles tiles(block.rows());
  size_t panel = block.panel_begin;
  for (; panel + kPanels <= block.panel_end; panel += kPanels) {
    Panels<W, kPanels, kMostRows, kPair>(args, block, tiles, panel, parked);
  }
  for (; panel < block.panel_end; ++panel) Panels<W, 1, kMostRows, kPair>(args, block, tiles, panel, parked);
}

template <typename W, bool kPair>
void IntRows(const LinearArgs& args, const LinearBlock& block) {
  // Few rows: several panels at once are as many streams that the hardware looks ahead in.
  if (block.rows() == 1) return AllPanels<W, W::kFewPanels, 1, kPair>(args, block);
  if (block.rows() == 2) return AllPanels<W, 2, 2, kPair>(args, block);
  AllPanels<W, kIntTilePanels, kIntTileRows, kPair>(args, block);
}

template <typename W>
void BlockOf(const LinearArgs& args, const LinearBlock& block) {
  if constexpr (kPairInstruction) {
    if (MayUseVnni()) return IntRows<W, true>(args, block);
  }
  IntRows<W, false>(args, block);
}

void ComputeIntBlock(const LinearArgs& args, const LinearBlock& block) {
  if (args.weights->type() == WeightType::kI4) return BlockOf<I4Weights>(args, block);
  BlockOf<I8Weights>(args, block);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dcp {
namespace {

HWY_EXPORT(ComputeIntBlock);
HWY_EXPORT(RoundRow);

}  // namespace

void IntBlock(const LinearArgs& args, const LinearBlock& block) { HWY_DYNAMIC_DISPATCH(ComputeIntBlock)(args, block); }

void QuantizeRow(const LinearArgs& args, size_t row) { HWY_DYNAMIC_DISPATCH(RoundRow)(args, row); }

}  // namespace dcp
#endif  // HWY_ONCE
