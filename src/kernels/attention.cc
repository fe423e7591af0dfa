#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "support/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/panel_dot-inl.h"
#include "kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {
namespace {

// Score of a slot that must not be attended: its exponential is exactly zero next to any real score.
constexpr float kMasked = -1e30f;

template <typename T>
const T* KeysOf(const SlotPages& kv, size_t head, size_t page) {
  return reinterpret_cast<const T*>(kv.pages[page] + head * kv.layout->k_head_bytes());
}

template <typename T>
const T* ValuesOf(const SlotPages& kv, size_t head, size_t page) {
  return reinterpret_cast<const T*>(kv.pages[page] + kv.layout->v_offset() + head * kv.layout->v_head_bytes());
}

// What an element of each slot's K, or V, counts. For int8 only.
const float* KeyScales(const SlotPages& kv, size_t head, size_t page) {
  return reinterpret_cast<const float*>(kv.pages[page] + head * kv.layout->k_head_bytes() +
                                        kv.layout->k_scale_offset());
}

const float* ValueScales(const SlotPages& kv, size_t head, size_t page) {
  return reinterpret_cast<const float*>(kv.pages[page] + kv.layout->v_offset() + head * kv.layout->v_head_bytes() +
                                        kv.layout->v_scale_offset());
}

float ScoreScale(const SlotPages& kv) { return 1.0f / std::sqrt(static_cast<float>(kv.layout->head_dim)); }

// Turns scores[0 .. padded) into exp(score - max); entries from `n` on become zero. Returns the sum.
float Exponentials(float* scores, size_t n) {
  const size_t padded = RoundUp(n, kPanel);
  std::fill(scores + n, scores + padded, kMasked);
  FloatVec largest = hn::Set(kFloats, kMasked);
  for (size_t i = 0; i < padded; i += kLanes) largest = hn::Max(largest, LoadFloats(scores + i));
  const FloatVec max = hn::Set(kFloats, hn::GetLane(hn::MaxOfLanes(kFloats, largest)));
  FloatVec sum = hn::Zero(kFloats);
  for (size_t i = 0; i < padded; i += kLanes) {
    const FloatVec e = Exp(hn::Sub(LoadFloats(scores + i), max));
    StoreFloats(e, scores + i);
    sum = hn::Add(sum, e);
  }
  return hn::GetLane(hn::SumOfLanes(kFloats, sum));
}

// What products with keys of vector `v` of a page are worth as scores.
template <typename T>
HWY_INLINE FloatVec ScaleOf(const SlotPages& kv, size_t head, size_t page, size_t v, FloatVec scale) {
  if constexpr (std::is_same_v<T, int8_t>) {
    return hn::Mul(scale, LoadFloats(KeyScales(kv, head, page) + v * kLanes));
  } else {
    return scale;
  }
}

// The weight of slot `j` of a page on the values as they are held.
template <typename T>
HWY_INLINE float WeightOnHeld(float weight, const float* value_scales, size_t j) {
  return std::is_same_v<T, int8_t> ? weight * value_scales[j] : weight;
}

// Scores of kHeads heads, beginning with `head`: scores [kHeads][stride]. Four sums run at once, of several heads or of
// several pages, which hides the latency of the multiply-adds.
template <typename T, size_t kHeads>
void Scores(const float* q, const SlotPages& kv, size_t head, float* scores, size_t stride) {
  constexpr size_t kPages = 4 / kHeads;
  const size_t d = kv.layout->head_dim;
  const FloatVec scale = hn::Set(kFloats, ScoreScale(kv));
  const size_t last = kv.page_count() - 1;
  size_t page = 0;
  for (; page + kPages <= kv.page_count(); page += kPages) {
    const float* queries[4];
    const T* keys[4];
    const T* ahead[4];
    for (size_t p = 0; p < 4; ++p) {
      queries[p] = q + p % kHeads * d;
      keys[p] = KeysOf<T>(kv, head + p % kHeads, page + p / kHeads);
      // The last ones look ahead to the values.
      ahead[p] = page + kPages <= last ? KeysOf<T>(kv, head + p % kHeads, std::min(page + kPages + p / kHeads, last))
                                       : ValuesOf<T>(kv, head + p % kHeads, std::min(p / kHeads, last));
    }
    FloatVec sums[4][kVecs];
    FourPanelDot(queries, keys, ahead, d, sums);
    for (size_t p = 0; p < 4; ++p) {
      const size_t h = p % kHeads, of = page + p / kHeads;
      for (size_t v = 0; v < kVecs; ++v) {
        StoreFloats(hn::Mul(sums[p][v], ScaleOf<T>(kv, head + h, of, v, scale)),
                    scores + h * stride + of * kPanel + v * kLanes);
      }
    }
  }
  for (; page < kv.page_count(); ++page) {
    for (size_t h = 0; h < kHeads; ++h) {
      FloatVec sums[1][kVecs];
      PanelDot<1>(q + h * d, 0, KeysOf<T>(kv, head + h, page), kPanel, d, sums);
      for (size_t v = 0; v < kVecs; ++v) {
        StoreFloats(hn::Mul(sums[0][v], ScaleOf<T>(kv, head + h, page, v, scale)),
                    scores + h * stride + page * kPanel + v * kLanes);
      }
    }
  }
}

// The weights of a page's slots on the values as they are held.
template <typename T>
HWY_INLINE const float* WeightsOnHeld(const float* weights, const float* value_scales, float (&room)[kPanel]) {
  if constexpr (!std::is_same_v<T, int8_t>) return weights;
  for (size_t v = 0; v < kPanel; v += kLanes) {
    StoreFloats(hn::Mul(LoadFloats(weights + v), LoadFloats(value_scales + v)), room + v);
  }
  return room;
}

// out[h][0 .. kPanels * kPanel) = sum over slots of weights[h][slot] * V[slot][column ..] of head `head` + h, times
// norm[h]. weights [kHeads][stride], out [kHeads][out_stride].
template <typename T, size_t kHeads, size_t kPanels>
HWY_INLINE void WeightedValues(const float* weights, size_t stride, const SlotPages& kv, size_t head, size_t column,
                               const float* norm, float* out, size_t out_stride) {
  constexpr size_t kAhead = kHeads == 1 ? 2 : 1;  // pages of values that are asked for while others are read
  const size_t value_stride = kv.layout->padded_head_dim();
  FloatVec sums[kHeads][kPanels * kVecs];
  for (auto& of_head : sums) {
    for (FloatVec& s : of_head) s = hn::Zero(kFloats);
  }
  for (size_t page = 0; page < kv.page_count(); ++page) {
    const size_t next = std::min(page + kAhead, kv.page_count() - 1);
    const size_t count = std::min(kPanel, kv.slots - page * kPanel);
    for (size_t h = 0; h < kHeads; ++h) {
      const T* values = ValuesOf<T>(kv, head + h, page) + column;
      const T* ahead = ValuesOf<T>(kv, head + h, next) + column;
      HWY_ALIGN float room[kPanel];
      const float* w = WeightsOnHeld<T>(weights + h * stride + page * kPanel, ValueScales(kv, head + h, page), room);
      FloatVec of_head[kPanels * kVecs];
      for (size_t v = 0; v < kPanels * kVecs; ++v) of_head[v] = sums[h][v];
      for (size_t j = 0; j < count; ++j) {
        const FloatVec wj = hn::Set(kFloats, w[j]);
        for (size_t b = 0; b < kPanels * kPanel * sizeof(T); b += kCacheLine) {
          hwy::Prefetch(reinterpret_cast<const std::byte*>(ahead + j * value_stride) + b);
        }
        for (size_t v = 0; v < kPanels * kVecs; ++v) {
          of_head[v] = hn::MulAdd(wj, LoadFloats(values + j * value_stride + v * kLanes), of_head[v]);
        }
      }
      for (size_t v = 0; v < kPanels * kVecs; ++v) sums[h][v] = of_head[v];
    }
  }
  for (size_t h = 0; h < kHeads; ++h) {
    const FloatVec scale = hn::Set(kFloats, norm[h]);
    for (size_t v = 0; v < kPanels * kVecs; ++v) {
      StoreFloats(hn::Mul(sums[h][v], scale), out + h * out_stride + v * kLanes);
    }
  }
}

template <typename T, size_t kHeads>
void AttendHeads(const float* q, const SlotPages& kv, size_t head, float* scratch, float* out, float* received) {
  const size_t stride = RoundUp(kv.slots, kPanel);
  const size_t d = kv.layout->head_dim;
  float* weights = scratch;
  float* padded_out = scratch + kHeads * stride;
  float norm[kHeads];
  Scores<T, kHeads>(q, kv, head, weights, stride);
  for (size_t h = 0; h < kHeads; ++h) norm[h] = 1.0f / Exponentials(weights + h * stride, kv.slots);
  size_t column = 0;
  for (; column + 4 * kPanel <= d; column += 4 * kPanel) {
    WeightedValues<T, kHeads, 4>(weights, stride, kv, head, column, norm, out + column, d);
  }
  for (; column < d; column += kPanel) {
    WeightedValues<T, kHeads, 1>(weights, stride, kv, head, column, norm, padded_out, kPanel);
    for (size_t h = 0; h < kHeads; ++h) {
      std::copy_n(padded_out + h * kPanel, std::min(kPanel, d - column), out + h * d + column);
    }
  }
  if (received == nullptr) return;
  for (size_t h = 0; h < kHeads; ++h) {
    for (size_t j = 0; j < kv.slots; ++j) received[j] += weights[h * stride + j] * norm[h];
  }
}

template <typename T>
void AttendOneTyped(const float* q, const SlotPages& kv, size_t head, size_t count, float* scratch, float* out,
                    float* received) {
  const size_t d = kv.layout->head_dim;
  while (count > 0) {
    const size_t taken = count >= 4 ? 4 : count >= 2 ? 2 : 1;
    if (taken == 4) {
      AttendHeads<T, 4>(q, kv, head, scratch, out, received);
    } else if (taken == 2) {
      AttendHeads<T, 2>(q, kv, head, scratch, out, received);
    } else {
      AttendHeads<T, 1>(q, kv, head, scratch, out, received);
    }
    count -= taken;
    head += taken;
    q += taken * d;
    out += taken * d;
  }
}

void AttendOneImpl(const float* q, const SlotPages& kv, size_t head, size_t count, float* scratch, float* out,
                   float* received) {
  switch (kv.layout->type) {
    case KvType::kF32:
      return AttendOneTyped<float>(q, kv, head, count, scratch, out, received);
    case KvType::kF16:
      return AttendOneTyped<hwy::float16_t>(q, kv, head, count, scratch, out, received);
    case KvType::kI8:
      return AttendOneTyped<int8_t>(q, kv, head, count, scratch, out, received);
  }
}

// Scores of kRows queries, beginning with query `row`, with the slots of the first `slots`; those that may not be
// attended are masked. scores [kRows][stride].
template <typename T, size_t kRows>
void MaskedScores(const ChunkAttentionArgs& args, size_t row, size_t slots, float* scores, size_t stride) {
  const FloatVec scale = hn::Set(kFloats, ScoreScale(args.kv));
  const FloatVec masked = hn::Set(kFloats, kMasked);
  for (size_t page = 0; page * kPanel < slots; ++page) {
    FloatVec sums[kRows][kVecs];
    PanelDot<kRows>(args.q.row(row), args.q.stride, KeysOf<T>(args.kv, args.head, page), kPanel, args.q.cols, sums);
    for (size_t v = 0; v < kVecs; ++v) {
      const size_t slot = page * kPanel + v * kLanes;
      const auto born = hn::LoadU(kInts, args.positions + slot);
      const auto expires = hn::LoadU(kInts, args.expires + slot);
      const FloatVec worth = ScaleOf<T>(args.kv, args.head, page, v, scale);
      for (size_t r = 0; r < kRows; ++r) {
        const auto n = hn::Set(kInts, args.first_position + static_cast<int32_t>(row + r));
        const auto visible = hn::RebindMask(kFloats, hn::AndNot(hn::Gt(born, n), hn::Gt(expires, n)));
        StoreFloats(hn::IfThenElse(visible, hn::Mul(sums[r][v], worth), masked), scores + r * stride + slot);
      }
    }
  }
}

// out[r][column ..] += weights [kRows][stride] times V, times norm[r], for one panel of columns.
template <typename T, size_t kRows>
void MixValues(const ChunkAttentionArgs& args, size_t row, size_t slots, const float* weights, size_t stride,
               const float* norm, size_t column) {
  const size_t v_stride = args.kv.layout->padded_head_dim();
  FloatVec sums[kRows][kVecs];
  for (auto& s : sums) {
    for (FloatVec& v : s) v = hn::Zero(kFloats);
  }
  for (size_t page = 0; page * kPanel < slots; ++page) {
    const T* values = ValuesOf<T>(args.kv, args.head, page) + column;
    const float* value_scales = ValueScales(args.kv, args.head, page);
    const size_t count = std::min(kPanel, slots - page * kPanel);
    for (size_t j = 0; j < count; ++j) {
      FloatVec w[kVecs];
      for (size_t v = 0; v < kVecs; ++v) w[v] = LoadFloats(values + j * v_stride + v * kLanes);
      for (size_t r = 0; r < kRows; ++r) {
        const FloatVec weight =
            hn::Set(kFloats, WeightOnHeld<T>(weights[r * stride + page * kPanel + j], value_scales, j));
        for (size_t v = 0; v < kVecs; ++v) sums[r][v] = hn::MulAdd(weight, w[v], sums[r][v]);
      }
    }
  }
  float padded[kPanel];
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVecs; ++v) StoreFloats(hn::Mul(sums[r][v], hn::Set(kFloats, norm[r])), padded + v * kLanes);
    std::copy_n(padded, std::min(kPanel, args.out.cols - column), args.out.row(row + r) + column);
  }
}

template <typename T, size_t kRows>
void AttendRows(const ChunkAttentionArgs& args, size_t row) {
  // Slots of later tokens come after those of the last query here; nobody needs them.
  const size_t slots = args.kv.slots - args.q.rows + row + kRows;
  const size_t stride = RoundUp(args.kv.slots, kPanel);
  float norm[kRows];
  MaskedScores<T, kRows>(args, row, slots, args.scratch, stride);
  for (size_t r = 0; r < kRows; ++r) norm[r] = 1.0f / Exponentials(args.scratch + r * stride, slots);
  for (size_t column = 0; column < args.out.cols; column += kPanel) {
    MixValues<T, kRows>(args, row, slots, args.scratch, stride, norm, column);
  }
}

template <typename T>
void AttendChunkTyped(const ChunkAttentionArgs& args, size_t begin, size_t end) {
  size_t row = begin;
  for (; row + kChunkQueries <= end; row += kChunkQueries) AttendRows<T, kChunkQueries>(args, row);
  for (; row < end; ++row) AttendRows<T, 1>(args, row);
}

void AttendChunkImpl(const ChunkAttentionArgs& args, size_t begin, size_t end) {
  switch (args.kv.layout->type) {
    case KvType::kF32:
      return AttendChunkTyped<float>(args, begin, end);
    case KvType::kF16:
      return AttendChunkTyped<hwy::float16_t>(args, begin, end);
    case KvType::kI8:
      return AttendChunkTyped<int8_t>(args, begin, end);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dcp {
namespace {

HWY_EXPORT(AttendOneImpl);
HWY_EXPORT(AttendChunkImpl);

}  // namespace

size_t AttentionScratch(size_t slots) {
  return std::max(kChunkQueries, kHeadsTogether) * RoundUp(slots, kPanel) + kHeadsTogether * kPanel;
}

void AttendOne(const float* q, const SlotPages& kv, size_t head, size_t count, float* scratch, float* out,
               float* received) {
  HWY_DYNAMIC_DISPATCH(AttendOneImpl)(q, kv, head, count, scratch, out, received);
}

void AttendChunk(const ChunkAttentionArgs& args, size_t begin, size_t end) {
  HWY_DYNAMIC_DISPATCH(AttendChunkImpl)(args, begin, end);
}

}  // namespace dcp
#endif  // HWY_ONCE
