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

// Products of one block of inputs with kRows rows, in integers.
template <size_t kRows>
void DotBlock(const int16_t* x, size_t x_stride, const int8_t* w, IntVec (&dots)[kRows][kVecs]) {
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t lane = 0; lane < kPanel; ++lane) {
      int32_t sum = 0;
      for (size_t i = 0; i < kQuantBlock; ++i) sum += x[r * x_stride + i] * w[QuantIndex(i, lane)];
      dots[r][lane] = hn::Set(kInts, sum);
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

template <size_t kRows>
HWY_INLINE void DotBlock(const int16_t* x, size_t x_stride, const int8_t* w, IntVec (&dots)[kRows][kVecs]) {
  const hn::Rebind<int8_t, Int16Tag> bytes;
  for (auto& row : dots) {
    for (IntVec& v : row) v = hn::Zero(kInts);
  }
#pragma GCC unroll 16  // 10 % less time
  for (size_t i = 0; i < kQuantBlock; i += 2) {
    Int16Vec weights[kVecs];
    for (size_t v = 0; v < kVecs; ++v) {
      weights[v] = hn::PromoteTo(Int16Tag(), hn::LoadU(bytes, w + i * kPanel + v * 2 * kLanes));
    }
    for (size_t r = 0; r < kRows; ++r) {
      const Int16Vec pair = BroadcastPair(x + r * x_stride + i);
      for (size_t v = 0; v < kVecs; ++v) {
        dots[r][v] = AddPairs(pair, weights[v], dots[r][v]);
        Settle(dots[r][v]);
      }
    }
  }
}

#endif  // HWY_TARGET

// kRows rows with one group of inputs of one panel: parked sums += scale of the group times the sum over its blocks,
// taken for zero in the first group.
template <size_t kRows>
HWY_NOINLINE void GroupTile(const LinearArgs& args, size_t row, size_t panel, size_t group, LookAhead ahead,
                            float (*parked)[kPanel]) {
  const size_t begin = group * kActivationGroup;
  const size_t blocks = DivideUp(std::min(kActivationGroup, args.x.cols - begin), kQuantBlock);
  const std::byte* block = args.weights->panel(panel) + begin / kQuantBlock * kQuantBlockBytes;
  FloatVec sums[kRows][kVecs];
  for (auto& row_sums : sums) {
    for (FloatVec& v : row_sums) v = hn::Zero(kFloats);
  }
  for (size_t b = 0; b < blocks; ++b, block += kQuantBlockBytes) {
    ahead.Next();
    const float* scales = reinterpret_cast<const float*>(block);
    IntVec dots[kRows][kVecs];
    DotBlock<kRows>(args.scratch->values(row) + begin + b * kQuantBlock, args.scratch->stride(),
                    reinterpret_cast<const int8_t*>(block + kPanel * sizeof(float)), dots);
    for (size_t v = 0; v < kVecs; ++v) {
      const FloatVec scale = LoadFloats(scales + v * kLanes);
      for (size_t r = 0; r < kRows; ++r) {
        sums[r][v] = hn::MulAdd(hn::ConvertTo(kFloats, dots[r][v]), scale, sums[r][v]);
      }
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    const FloatVec scale = hn::Set(kFloats, args.scratch->scales(row + r)[group]);
    for (size_t v = 0; v < kVecs; ++v) {
      float* sum = parked[r] + v * kLanes;
      StoreFloats(hn::MulAdd(sums[r][v], scale, group == 0 ? hn::Zero(kFloats) : LoadFloats(sum)), sum);
    }
  }
}

void GroupRows(const LinearArgs& args, size_t row, size_t rows, size_t panel, size_t group, LookAhead ahead,
               float (*parked)[kPanel]) {
  switch (rows) {
    case 1:
      return GroupTile<1>(args, row, panel, group, ahead, parked);
    case 2:
      return GroupTile<2>(args, row, panel, group, ahead, parked);
    case 3:
      return GroupTile<3>(args, row, panel, group, ahead, parked);
    default:
      return GroupTile<kIntTileRows>(args, row, panel, group, ahead, parked);
  }
}

void I8Block(const LinearArgs& args, const LinearBlock& block) {
  constexpr size_t kGroupBlocks = kActivationGroup / kQuantBlock;
  constexpr size_t kGroupBytes = kGroupBlocks * kQuantBlockBytes;
  const size_t groups = DivideUp(args.x.cols, kActivationGroup);
  const size_t share = DivideUp(kGroupBytes, DivideUp(block.rows(), kIntTileRows));
  ParkedSums parked;
  for (size_t panel = block.panel_begin; panel < block.panel_end; ++panel) {
    for (size_t group = 0; group < groups; ++group) {
      const std::byte* ahead = args.weights->panel(panel) + (group + 1) * kGroupBytes;
      for (size_t row = 0, rows = 0; row < block.rows(); row += rows, ahead += share) {
        rows = NextTileRows(block.rows() - row, kIntTileRows);
        GroupRows(args, block.row_begin + row, rows, panel, group, LookAhead(ahead, share, kGroupBlocks),
                  parked.v + row);
      }
    }
    FinishPanel(args, block, panel, parked);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
