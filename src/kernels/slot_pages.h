// How the keys, values and interaction keys of one (layer, sequence) lie in memory, as the kernels see it.
#ifndef DCP_KERNELS_SLOT_PAGES_H_
#define DCP_KERNELS_SLOT_PAGES_H_

#include <cstddef>

#include "base/aligned_buffer.h"
#include "dcp/types.h"
#include "kernels/packed_matrix.h"

namespace dcp {

// Layout of a page of kPanel slots. T is float, half or int8:
//
//   K      T     [H][D][kPanel]    keys transposed: a page is a panel of a product, like PackedMatrix
//   V      T     [H][kPanel][Dp]   values, D rounded up to whole panels (Dp)
//          after each head's K, and after its V, where T is int8: float [kPanel], what an element of each slot counts
//   k_int  float [R][kPanel]       interaction keys transposed; absent when the policy does not ask for them
//
// One slot is thus a column of K and k_int and a row of V.
struct PageLayout {
  size_t heads = 0;     // H
  size_t head_dim = 0;  // D
  size_t int_dim = 0;   // R, 0 without interaction keys
  KvType type = KvType::kF32;

  size_t element_bytes() const { return type == KvType::kF32 ? 4 : type == KvType::kF16 ? 2 : 1; }
  size_t scale_bytes() const { return type == KvType::kI8 ? sizeof(float) : 0; }  // of a slot's K or V of one head
  size_t padded_head_dim() const { return RoundUp(head_dim, kPanel); }
  size_t k_scale_offset() const { return head_dim * kPanel * element_bytes(); }
  size_t v_scale_offset() const { return padded_head_dim() * kPanel * element_bytes(); }
  size_t k_head_bytes() const { return k_scale_offset() + kPanel * scale_bytes(); }
  size_t v_head_bytes() const { return v_scale_offset() + kPanel * scale_bytes(); }
  size_t v_offset() const { return heads * k_head_bytes(); }
  size_t int_offset() const { return v_offset() + heads * v_head_bytes(); }
  size_t page_bytes() const { return int_offset() + int_dim * kPanel * sizeof(float); }

  // What one slot is worth: without padding.
  size_t slot_bytes() const { return dense_slot_bytes() + int_dim * sizeof(float); }
  size_t dense_slot_bytes() const { return 2 * heads * (head_dim * element_bytes() + scale_bytes()); }
};

// Slots 0 .. slots-1 of one (layer, sequence): slot i is number i % kPanel of pages[i / kPanel]. A view.
struct SlotPages {
  const PageLayout* layout = nullptr;
  std::byte* const* pages = nullptr;
  size_t slots = 0;

  size_t page_count() const { return DivideUp(slots, kPanel); }
};

// What one token leaves in the cache: k and v [C], k_int [R].
struct SlotContent {
  const float* k = nullptr;
  const float* v = nullptr;
  const float* k_int = nullptr;
};

// Fills slot `lane` of a page.
void WriteSlot(const PageLayout& layout, std::byte* page, size_t lane, const SlotContent& content);

// Copies a slot, within a page or between two.
void CopySlot(const PageLayout& layout, const std::byte* from, size_t from_lane, std::byte* to, size_t to_lane);

}  // namespace dcp

#endif  // DCP_KERNELS_SLOT_PAGES_H_
