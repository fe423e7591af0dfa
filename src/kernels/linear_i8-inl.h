// Products with weights that are integers of 8 bits, on activations rounded to integers of 16 bits.
//
// Two inputs are multiplied and added at once in integers, which is exact; the sum over the kQuantBlock inputs that
// share a scale fits 32 bits with room to spare. Sums of blocks and of groups are float32, in ascending order.

#if defined(DCP_KERNELS_LINEAR_I8_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DCP_KERNELS_LINEAR_I8_INL_H_
#undef DCP_KERNELS_LINEAR_I8_INL_H_
#else
#define DCP_KERNELS_LINEAR_I8_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/linear_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {
namespace {

using IntVec = hn::Vec<IntTag>;

// Rows of a tile: 4 x 2 vectors of sums leave AVX2 registers for weights and products. With 6 x 2 they do not.
constexpr size_t kIntTileRows = 4;

// Panels that are taken together, at most.
constexpr size_t kMostPanels = 4;

constexpr size_t kScaleBytes = kPanel * sizeof(float);

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

void QuantizeRow(const LinearArgs& args, size_t row) {
  const size_t in = args.x.cols;
  int16_t* values = args.scratch->values(row);
  for (size_t begin = 0, group = 0; begin < in; begin += kActivationGroup, ++group) {
    const size_t n = std::min(kActivationGroup, in - begin);
    args.scratch->scales(row)[group] = QuantizeGroup(args.x.row(row) + begin, n, values + begin);
  }
  std::fill(values + in, values + RoundUp(in, kQuantBlock), int16_t{0});
}

#if HWY_TARGET == HWY_SCALAR

// Products of one block of inputs of kPanels panels with kRows rows, in integers. `w` is the first panel's, the next
// one lies `panel_bytes` further.
template <size_t kRows, size_t kPanels>
void DotBlock(const int16_t* x, size_t x_stride, const int8_t* w, size_t panel_bytes,
              IntVec (&dots)[kRows][kPanels * kVecs]) {
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kPanels * kVecs; ++v) {
      int32_t sum = 0;
      for (size_t i = 0; i < kQuantBlock; ++i) {
        sum += x[r * x_stride + i] * w[v / kPanel * panel_bytes + QuantIndex(i, v % kPanel)];
      }
      dots[r][v] = hn::Set(kInts, sum);
    }
  }
}

#else

using Int16Tag = hn::Repartition<int16_t, IntTag>;
using Int16Vec = hn::Vec<Int16Tag>;

// Adds a[2i] * b[2i] + a[2i + 1] * b[2i + 1] to lane i.
HWY_INLINE IntVec AddPairs(Int16Vec a, Int16Vec b, IntVec sum) {
  IntVec odd = hn::Zero(kInts);
  const IntVec even = hn::ReorderWidenMulAccumulate(kInts, a, b, sum, odd);
  return hn::RearrangeToOddPlusEven(even, odd);
}

HWY_INLINE Int16Vec BroadcastPair(const int16_t* pair) {
  int32_t both;
  std::memcpy(&both, pair, sizeof both);
  return hn::BitCast(Int16Tag(), hn::Set(kInts, both));
}

template <size_t kRows, size_t kPanels>
HWY_INLINE void DotBlock(const int16_t* x, size_t x_stride, const int8_t* w, size_t panel_bytes,
                         IntVec (&dots)[kRows][kPanels * kVecs]) {
  const hn::Rebind<int8_t, Int16Tag> bytes;
  for (auto& row : dots) {
    for (IntVec& v : row) v = hn::Zero(kInts);
  }
#pragma GCC unroll 16  // 10 % less time
  for (size_t i = 0; i < kQuantBlock; i += 2) {
    Int16Vec weights[kPanels * kVecs];
    for (size_t v = 0; v < kPanels * kVecs; ++v) {
      const int8_t* pairs = w + v / kVecs * panel_bytes + i * kPanel + v % kVecs * 2 * kLanes;
      weights[v] = hn::PromoteTo(Int16Tag(), hn::LoadU(bytes, pairs));
    }
    for (size_t r = 0; r < kRows; ++r) {
      const Int16Vec pair = BroadcastPair(x + r * x_stride + i);
      for (size_t v = 0; v < kPanels * kVecs; ++v) {
        dots[r][v] = AddPairs(pair, weights[v], dots[r][v]);
        Settle(dots[r][v]);
      }
    }
  }
}

#endif  // HWY_TARGET

// Where a tile's sums wait while groups of inputs are still to come: one for each of the panels taken together.
using ParkedPanels = ParkedSums[kMostPanels];

// One group of inputs of panels [panel, panel + kPanels) with rows [row, row + kRows) of the block: parked sums +=
// scale of the group times the sum over its blocks, taken for zero in the first group.
template <size_t kRows, size_t kPanels>
HWY_NOINLINE void GroupTile(const LinearArgs& args, const LinearBlock& at, size_t row, size_t panel, size_t group,
                            LookAhead ahead, ParkedPanels& parked) {
  const size_t begin = group * kActivationGroup;
  const size_t blocks = DivideUp(std::min(kActivationGroup, args.x.cols - begin), kQuantBlock);
  const size_t panel_bytes = args.weights->panel_bytes();
  const std::byte* block = args.weights->panel(panel) + begin / kQuantBlock * kQuantBlockBytes;
  const int16_t* x = args.scratch->values(at.row_begin + row) + begin;
  FloatVec sums[kRows][kPanels * kVecs];
  for (auto& row_sums : sums) {
    for (FloatVec& v : row_sums) v = hn::Zero(kFloats);
  }
  for (size_t b = 0; b < blocks; ++b, block += kQuantBlockBytes, x += kQuantBlock) {
    ahead.Next();
    IntVec dots[kRows][kPanels * kVecs];
    DotBlock<kRows, kPanels>(x, args.scratch->stride(), reinterpret_cast<const int8_t*>(block) + kScaleBytes,
                             panel_bytes, dots);
    for (size_t v = 0; v < kPanels * kVecs; ++v) {
      const auto* scales = reinterpret_cast<const float*>(block + v / kVecs * panel_bytes);
      const FloatVec scale = LoadFloats(scales + v % kVecs * kLanes);
      for (size_t r = 0; r < kRows; ++r) {
        sums[r][v] = hn::MulAdd(hn::ConvertTo(kFloats, dots[r][v]), scale, sums[r][v]);
      }
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    const FloatVec scale = hn::Set(kFloats, args.scratch->scales(at.row_begin + row + r)[group]);
    for (size_t v = 0; v < kPanels * kVecs; ++v) {
      float* sum = parked[v / kVecs].v[row + r] + v % kVecs * kLanes;
      StoreFloats(hn::MulAdd(sums[r][v], scale, group == 0 ? hn::Zero(kFloats) : LoadFloats(sum)), sum);
    }
  }
}

using GroupTileFunction = void (*)(const LinearArgs&, const LinearBlock&, size_t row, size_t panel, size_t group,
                                   LookAhead, ParkedPanels&);

GroupTileFunction TileFor(size_t rows, size_t panels) {
  if (panels == 4) return GroupTile<1, 4>;
  if (panels == 2) return GroupTile<2, 2>;
  switch (rows) {
    case 1:
      return GroupTile<1, 1>;
    case 2:
      return GroupTile<2, 1>;
    case 3:
      return GroupTile<3, 1>;
    default:
      return GroupTile<kIntTileRows, 1>;
  }
}

// All rows of the block with `panels` panels from `panel` on.
void Panels(const LinearArgs& args, const LinearBlock& block, size_t panel, size_t panels, ParkedPanels& parked) {
  constexpr size_t kGroupBlocks = kActivationGroup / kQuantBlock;
  constexpr size_t kGroupBytes = kGroupBlocks * kQuantBlockBytes;
  const size_t groups = DivideUp(args.x.cols, kActivationGroup);
  const size_t tiles = DivideUp(block.rows(), kIntTileRows);
  // One or two rows read faster when left to the hardware's own look-ahead: 10 to 15 % less time.
  const size_t share = block.rows() <= 2 ? 0 : DivideUp(kGroupBytes, tiles);
  for (size_t group = 0; group < groups; ++group) {
    const std::byte* ahead = args.weights->panel(panel) + (group + 1) * kGroupBytes;
    for (size_t row = 0, rows = 0; row < block.rows(); row += rows, ahead += share) {
      rows = NextTileRows(block.rows() - row, kIntTileRows);
      TileFor(rows, panels)(args, block, row, panel, group, LookAhead(ahead, share, kGroupBlocks), parked);
    }
  }
  for (size_t p = 0; p < panels; ++p) FinishPanel(args, block, panel + p, parked[p]);
}

void I8Block(const LinearArgs& args, const LinearBlock& block) {
  ParkedPanels parked;
  // Few rows: several panels at once are as many streams that the hardware looks ahead in.
  const size_t together = block.rows() == 1 ? 4 : block.rows() == 2 ? 2 : 1;
  size_t panel = block.panel_begin;
  for (; panel + together <= block.panel_end; panel += together) Panels(args, block, panel, together, parked);
  for (; panel < block.panel_end; ++panel) Panels(args, block, panel, 1, parked);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
