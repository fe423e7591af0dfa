#include "kernels/slot_pages.h"

#include <algorithm>
#include <cstring>

#include "support/half.h"

namespace dcp {
namespace {

template <typename T, typename Convert>
void WriteKeyValue(const PageLayout& layout, std::byte* page, size_t lane, const float* k, const float* v,
                   Convert convert) {
  T* keys = reinterpret_cast<T*>(page);
  const size_t width = layout.heads * layout.head_dim;
  for (size_t c = 0; c < width; ++c) keys[c * kPanel + lane] = convert(k[c]);
  for (size_t h = 0; h < layout.heads; ++h) {
    T* values =
        reinterpret_cast<T*>(page + layout.v_offset() + h * layout.v_head_bytes()) + lane * layout.padded_head_dim();
    for (size_t d = 0; d < layout.head_dim; ++d) values[d] = convert(v[h * layout.head_dim + d]);
    std::fill(values + layout.head_dim, values + layout.padded_head_dim(), T{0});
  }
}

template <typename T>
void CopyColumn(const std::byte* from, size_t from_lane, std::byte* to, size_t to_lane, size_t rows) {
  const T* source = reinterpret_cast<const T*>(from) + from_lane;
  T* target = reinterpret_cast<T*>(to) + to_lane;
  for (size_t i = 0; i < rows; ++i) target[i * kPanel] = source[i * kPanel];
}

}  // namespace

void WriteSlot(const PageLayout& layout, std::byte* page, size_t lane, const SlotContent& content) {
  if (layout.type == KvType::kF32) {
    WriteKeyValue<float>(layout, page, lane, content.k, content.v, [](float x) { return x; });
  } else {
    WriteKeyValue<uint16_t>(layout, page, lane, content.k, content.v, HalfFromFloat);
  }
  float* keys = reinterpret_cast<float*>(page + layout.int_offset());
  for (size_t r = 0; r < layout.int_dim; ++r) keys[r * kPanel + lane] = content.k_int[r];
}

void CopySlot(const PageLayout& layout, const std::byte* from, size_t from_lane, std::byte* to, size_t to_lane) {
  const size_t width = layout.heads * layout.head_dim;
  if (layout.type == KvType::kF32) {
    CopyColumn<float>(from, from_lane, to, to_lane, width);
  } else {
    CopyColumn<uint16_t>(from, from_lane, to, to_lane, width);
  }
  const size_t row_bytes = layout.padded_head_dim() * layout.element_bytes();
  for (size_t h = 0; h < layout.heads; ++h) {
    const size_t head = layout.v_offset() + h * layout.v_head_bytes();
    std::memcpy(to + head + to_lane * row_bytes, from + head + from_lane * row_bytes, row_bytes);
  }
  CopyColumn<float>(from + layout.int_offset(), from_lane, to + layout.int_offset(), to_lane, layout.int_dim);
}

}  // namespace dcp
