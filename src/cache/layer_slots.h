// The kept set of one layer of one sequence.
#ifndef DCP_CACHE_LAYER_SLOTS_H_
#define DCP_CACHE_LAYER_SLOTS_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "cache/page_pool.h"
#include "dcp/eviction_policy.h"
#include "kernels/slot_pages.h"

namespace dcp {

// What is kept of each slot beside its content.
struct SlotTracking {
  bool attention = false;  // received attention
  bool expiry = false;     // decided drops that have not taken effect
};

// Slots 0 .. size()-1, always dense: a hole is closed at once by the last slot, so an eviction costs one slot's copy
// and attention needs no mask. K, V, k_int, the position and (where tracked) the received attention and the expiry of a
// slot move together.
//
// Order is law: Reserve, Append, (score, select), Evict, attend. Views are dead after the next Append or Evict.
// Different LayerSlots of one pool may be changed from different threads, except by Reserve.
class LayerSlots {
 public:
  // `capacity`: most slots it will ever hold (P). The layout and the pool must outlive it.
  LayerSlots(const PageLayout& layout, PagePool& pool, size_t capacity, const SlotTracking& tracking);
  ~LayerSlots();
  LayerSlots(LayerSlots&& other) noexcept;
  LayerSlots(const LayerSlots&) = delete;
  LayerSlots& operator=(const LayerSlots&) = delete;

  size_t size() const { return size_; }

  // Takes the pages that `more` further slots need, so that Append cannot fail. Throws Error(kOutOfMemory).
  void Reserve(size_t more);

  // Adds a token as the last slot. REQUIRES: a reserved slot.
  void Append(int32_t position, const SlotContent& content);

  // Removes slots, given in increasing order, and gives pages that fall empty back to the pool.
  void Evict(std::span<const Eviction> evictions);

  // A copy of another's content. REQUIRES: empty, same layout. Throws Error(kOutOfMemory).
  void CopyFrom(const LayerSlots& other);

  SlotPages pages() const { return {layout_, pages_.data(), size_}; }
  size_t page_count() const { return pages_.size(); }
  std::byte* page(size_t i) { return pages_[i]; }
  const std::byte* page(size_t i) const { return pages_[i]; }

  // [size()], readable up to a whole page.
  const int32_t* positions() const { return positions_.data(); }

  // [size()], or null when not tracked.
  float* attention() { return attention_.data(); }
  const float* attention() const { return attention_.data(); }

  // [size()], writable up to a whole page, or null when not tracked: the first token that no longer attends the slot,
  // kNever where no drop is decided, and the score of that decision.
  int32_t* expires() { return expires_.data(); }
  const int32_t* expires() const { return expires_.data(); }
  float* drop_scores() { return drop_scores_.data(); }
  const float* drop_scores() const { return drop_scores_.data(); }

  // Used when restoring: sets size and positions; pages and what is tracked are then filled by the caller. Throws
  // Error(kOutOfMemory).
  void Assign(std::span<const int32_t> positions);

  // Bytes of bookkeeping beside the pages.
  size_t bookkeeping_bytes() const;

 private:
  void Move(size_t from, size_t to);
  void ReleaseEmptyPages();

  const PageLayout* layout_;
  PagePool* pool_;
  size_t size_ = 0;
  std::vector<std::byte*> pages_;
  AlignedBuffer<int32_t> positions_;
  AlignedBuffer<float> attention_;
  AlignedBuffer<int32_t> expires_;
  AlignedBuffer<float> drop_scores_;
};

}  // namespace dcp

#endif  // DCP_CACHE_LAYER_SLOTS_H_
