#include "kernels/interaction.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/interaction.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/panel_dot-inl.h"
#include "kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {
namespace {

constexpr size_t kDropRows = 4;

const float* InteractionKeys(const SlotPages& keys, size_t page) {
  return reinterpret_cast<const float*>(keys.pages[page] + keys.layout->int_offset());
}

FloatVec ScoreScale(const SlotPages& keys) {
  return hn::Set(kFloats, 1.0f / std::sqrt(static_cast<float>(keys.layout->int_dim)));
}

void ScoresImpl(const float* q_int, const SlotPages& keys, float beta, float* scores) {
  const size_t dim = keys.layout->int_dim;
  const FloatVec scale = ScoreScale(keys);
  const FloatVec offset = hn::Set(kFloats, beta);
  size_t page = 0;
  for (; page + 4 <= keys.page_count(); page += 4) {
    const float* panels[4];
    const float* ahead[4];
    for (size_t p = 0; p < 4; ++p) {
      panels[p] = InteractionKeys(keys, page + p);
      ahead[p] = InteractionKeys(keys, std::min(page + 4 + p, keys.page_count() - 1));
    }
    FloatVec sums[4][kVecs];
    FourPanelDot({q_int, q_int, q_int, q_int}, panels, ahead, dim, sums);
    for (size_t p = 0; p < 4; ++p) {
      for (size_t v = 0; v < kVecs; ++v) {
        StoreFloats(hn::MulAdd(sums[p][v], scale, offset), scores + (page + p) * kPanel + v * kLanes);
      }
    }
  }
  for (; page < keys.page_count(); ++page) {
    FloatVec sums[1][kVecs];
    PanelDot<1>(q_int, 0, InteractionKeys(keys, page), kPanel, dim, sums);
    for (size_t v = 0; v < kVecs; ++v) {
      StoreFloats(hn::MulAdd(sums[0][v], scale, offset), scores + page * kPanel + v * kLanes);
    }
  }
}

// Decisions of kRows consecutive tokens about one page.
template <size_t kRows>
void DropRows(const ChunkDropArgs& args, size_t row, size_t page) {
  FloatVec sums[kRows][kVecs];
  PanelDot<kRows>(args.q_int.row(row), args.q_int.stride, InteractionKeys(args.keys, page), kPanel,
                  args.keys.layout->int_dim, sums);
  const FloatVec scale = ScoreScale(args.keys);
  const FloatVec offset = hn::Set(kFloats, args.beta);
  const FloatVec threshold = hn::Set(kFloats, args.threshold);
  const auto never = hn::Set(kInts, std::numeric_limits<int32_t>::max());
  for (size_t v = 0; v < kVecs; ++v) {
    const size_t slot = page * kPanel + v * kLanes;
    const auto born = hn::LoadU(kInts, args.positions + slot);
    auto expires = hn::LoadU(kInts, args.expires + slot);
    FloatVec scores = LoadFloats(args.drop_scores + slot);
    for (size_t r = 0; r < kRows; ++r) {
      const int32_t token = args.first_position + static_cast<int32_t>(row + r);
      const auto n = hn::Set(kInts, token);
      const FloatVec s = hn::MulAdd(sums[r][v], scale, offset);
      const auto open = hn::And(hn::Lt(born, n), hn::Eq(expires, never));
      const auto drop = hn::And(hn::RebindMask(kFloats, open), hn::Le(s, threshold));
      expires = hn::IfThenElse(hn::RebindMask(kInts, drop), hn::Set(kInts, token + args.delay), expires);
      scores = hn::IfThenElse(drop, s, scores);
    }
    hn::StoreU(expires, kInts, args.expires + slot);
    StoreFloats(scores, args.drop_scores + slot);
  }
}

void DropChunkImpl(const ChunkDropArgs& args, size_t begin, size_t end) {
  const size_t rows = args.q_int.rows;
  for (size_t page = begin; page < end; ++page) {
    size_t row = 0;
    for (; row + kDropRows <= rows; row += kDropRows) DropRows<kDropRows>(args, row, page);
    for (; row < rows; ++row) DropRows<1>(args, row, page);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dcp {
namespace {

HWY_EXPORT(ScoresImpl);
HWY_EXPORT(DropChunkImpl);

}  // namespace

void InteractionScores(const float* q_int, const SlotPages& keys, float beta, float* scores) {
  HWY_DYNAMIC_DISPATCH(ScoresImpl)(q_int, keys, beta, scores);
}

void DropChunk(const ChunkDropArgs& args, size_t begin, size_t end) {
  HWY_DYNAMIC_DISPATCH(DropChunkImpl)(args, begin, end);
}

}  // namespace dcp
#endif  // HWY_ONCE
