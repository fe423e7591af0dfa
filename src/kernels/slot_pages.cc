#include "kernels/slot_pages.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>

#include "support/half.h"

namespace dcp {
namespace {

// One head of K or V, as it is written: what a float becomes, and for int8 the scale that undoes it.
struct ToFloat {
  explicit ToFloat(std::span<const float>) {}
  float operator()(float x) const { return x; }
};

struct ToHalf {
  explicit ToHalf(std::span<const float>) {}
  uint16_t operator()(float x) const { return HalfFromFloat(x); }
};

struct ToInt8 {
  explicit ToInt8(std::span<const float> head) {
    float largest = 0.0f;
    for (float x : head) largest = std::max(largest, std::abs(x));
    scale = largest / 127.0f;
    // The inverse of a denormal would overflow; so small a head is zero.
    inverse = scale >= std::numeric_limits<float>::min() ? 1.0f / scale : 0.0f;
  }
  int8_t operator()(float x) const {
    return static_cast<int8_t>(std::clamp(std::nearbyint(x * inverse), -127.f, 127.f));
  }

  float scale, inverse;
};

template <typename T, typename Convert>
void WriteKeyValue(const PageLayout& layout, std::byte* page, size_t lane, const float* k, const float* v) {
  const size_t d_end = layout.head_dim, padded = layout.padded_head_dim();
  for (size_t h = 0; h < layout.heads; ++h, k += d_end, v += d_end) {
    std::byte* key_head = page + h * layout.k_head_bytes();
    std::byte* value_head = page + layout.v_offset() + h * layout.v_head_bytes();
    const Convert key({k, d_end}), value({v, d_end});
    T* keys = reinterpret_cast<T*>(key_head) + lane;
    for (size_t d = 0; d < d_end; ++d) keys[d * kPanel] = key(k[d]);
    T* values = reinterpret_cast<T*>(value_head) + lane * padded;
    for (size_t d = 0; d < d_end; ++d) values[d] = value(v[d]);
    std::fill(values + d_end, values + padded, T{0});
    if constexpr (std::is_same_v<Convert, ToInt8>) {
      reinterpret_cast<float*>(key_head + layout.k_scale_offset())[lane] = key.scale;
      reinterpret_cast<float*>(value_head + layout.v_scale_offset())[lane] = value.scale;
    }
  }
}

template <typename T>
void CopyColumn(const std::byte* from, size_t from_lane, std::byte* to, size_t to_lane, size_t rows) {
  const T* source = reinterpret_cast<const T*>(from) + from_lane;
  T* target = reinterpret_cast<T*>(to) + to_lane;
  for (size_t i = 0; i < rows; ++i) target[i * kPanel] = source[i * kPanel];
}

template <typename T>
void CopyKeyValue(const PageLayout& layout, const std::byte* from, size_t from_lane, std::byte* to, size_t to_lane) {
  const size_t row_bytes = layout.padded_head_dim() * sizeof(T);
  for (size_t h = 0; h < layout.heads; ++h) {
    const size_t key_head = h * layout.k_head_bytes();
    CopyColumn<T>(from + key_head, from_lane, to + key_head, to_lane, layout.head_dim);
    const size_t value_head = layout.v_offset() + h * layout.v_head_bytes();
    std::memcpy(to + value_head + to_lane * row_bytes, from + value_head + from_lane * row_bytes, row_bytes);
    if (layout.scale_bytes() == 0) continue;
    for (const size_t scales : {key_head + layout.k_scale_offset(), value_head + layout.v_scale_offset()}) {
      CopyColumn<float>(from + scales, from_lane, to + scales, to_lane, 1);
    }
  }
}

}  // namespace

void WriteSlot(const PageLayout& layout, std::byte* page, size_t lane, const SlotContent& content) {
  switch (layout.type) {
    case KvType::kF32:
      WriteKeyValue<float, ToFloat>(layout, page, lane, content.k, content.v);
      break;
    case KvType::kF16:
      WriteKeyValue<uint16_t, ToHalf>(layout, page, lane, content.k, content.v);
      break;
    case KvType::kI8:
      WriteKeyValue<int8_t, ToInt8>(layout, page, lane, content.k, content.v);
      break;
  }
  float* keys = reinterpret_cast<float*>(page + layout.int_offset());
  for (size_t r = 0; r < layout.int_dim; ++r) keys[r * kPanel + lane] = content.k_int[r];
}

void CopySlot(const PageLayout& layout, const std::byte* from, size_t from_lane, std::byte* to, size_t to_lane) {
  switch (layout.type) {
    case KvType::kF32:
      CopyKeyValue<float>(layout, from, from_lane, to, to_lane);
      break;
    case KvType::kF16:
      CopyKeyValue<uint16_t>(layout, from, from_lane, to, to_lane);
      break;
    case KvType::kI8:
      CopyKeyValue<int8_t>(layout, from, from_lane, to, to_lane);
      break;
  }
  CopyColumn<float>(from + layout.int_offset(), from_lane, to + layout.int_offset(), to_lane, layout.int_dim);
}

}  // namespace dcp
