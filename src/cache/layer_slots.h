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
#include "dcp/drop_log.h"
#include "dcp/types.h"
#include "kernels/slot_pages.h"

namespace dcp {

// What is kept of each slot beside its content.
struct SlotTracking {
  bool attention = false;  // received attention
  bool scores = false;     // scores of decided drops
  bool drops = false;      // the history of evictions
};

// Slots 0 .. size()-1, always dense: a hole is closed at once by the last slot, so an eviction costs one slot's copy
// and attention needs no mask. K, V, k_int, the position, the expiry and (where tracked) the received attention and the
// score of a decided drop move together.
//
// Every slot carries the position at which it expires: the first token that no longer attends it. It is given with the
// token or decided later, and EvictDue() removes what is due - nothing else does - and notes it in the drop log.
//
// Pages are shared by copies until somebody writes: CopyFrom copies none, and who is to write to a page that others
// hold copies it first.
//
// Order is law: Reserve, Append, (score, decide), EvictDue, attend. Views are dead after the next Append or EvictDue,
// and when the pool is trimmed.
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

  // Pages that others hold as well: as many free ones must be in the pool for EvictDue not to fail.
  size_t shared_pages() const;

  // Pages that appending so many tokens, the last at position `last`, and evicting what is due then can take at most.
  // `decides`: drops are decided meanwhile, so that any slot may go.
  size_t MostNewPages(size_t tokens, int32_t last, bool decides) const;

  // Lets go of the pages, which are the caller's then, with everything else left as it is; and takes over as many with
  // the same content. Between the two only what is kept beside the pages may be read.
  std::vector<CachePage*> DetachPages();
  void AttachPages(std::span<CachePage* const> pages);

  // Adds a token as the last slot. REQUIRES: a reserved slot; where drops are tracked, the next position.
  void Append(int32_t position, int32_t expires, const SlotContent& content);

  // Decides that a slot expires at `at`, unless it does so earlier. REQUIRES: slot < size().
  void Expire(size_t slot, int32_t at, float score);

  // Removes the slots that token `last` no longer attends, and gives pages that fall empty back to the pool. Throws
  // Error(kOutOfMemory) only where shared_pages() is not 0.
  void EvictDue(int32_t last);

  // A copy of another's content, which shares its pages. REQUIRES: empty, same layout, capacity, tracking and pool.
  void CopyFrom(const LayerSlots& other) noexcept;

  SlotPages pages() const { return {layout_, pages_.data(), size_}; }
  size_t page_count() const { return pages_.size(); }
  std::byte* page(size_t i) { return held_[i]->data; }
  const std::byte* page(size_t i) const { return held_[i]->data; }

  // [size()], readable up to a whole page.
  const int32_t* positions() const { return positions_.data(); }

  // [size()], or null when not tracked.
  float* attention() { return attention_.data(); }
  const float* attention() const { return attention_.data(); }

  // [size()], writable up to a whole page: when each slot expires, kNever where no drop is decided. Who writes them
  // says so before the next EvictDue.
  int32_t* expires() { return expires_.data(); }
  const int32_t* expires() const { return expires_.data(); }
  void ExpiriesWritten() { earliest_ = 0; }

  // [size()], writable up to a whole page, or null when not tracked: scores of decided drops, NaN elsewhere.
  float* drop_scores() { return drop_scores_.data(); }
  const float* drop_scores() const { return drop_scores_.data(); }

  // Of each token that was appended; empty when not tracked.
  const DropLog& drops() const { return drops_; }
  // Positions in the order in which they were evicted: what is new to who has seen the first few.
  std::span<const int32_t> drop_order() const { return drop_order_; }
  // Used when restoring. REQUIRES: drops are tracked.
  void RestoreDrops(const DropLog& log);

  // Used when restoring: sets size and positions, no drop decided; pages and what is tracked are then filled by the
  // caller. Throws Error(kOutOfMemory).
  void Assign(std::span<const int32_t> positions);

  // Bytes of bookkeeping beside the pages; the record of drops, which a caller asks for, is not part of the cache.
  size_t bookkeeping_bytes() const;

 private:
  void Evict(size_t slot);
  void Move(size_t from, size_t to);
  void AddPage(CachePage* page);
  void FollowMoves();
  void OwnPage(size_t i);
  void ReleaseEmptyPages();

  const PageLayout* layout_;
  PagePool* pool_;
  size_t size_ = 0;
  std::vector<CachePage*> held_;
  std::vector<std::byte*> pages_;  // their memory, as kernels want it, as it was at the pool's moves_
  size_t moves_ = 0;
  AlignedBuffer<int32_t> positions_;
  AlignedBuffer<float> attention_;
  AlignedBuffer<int32_t> expires_;
  AlignedBuffer<float> drop_scores_;
  DropLog drops_;
  std::vector<int32_t> drop_order_;
  int32_t earliest_ = kNever;  // no slot expires before; spares EvictDue a look at every slot
  bool track_drops_ = false;
};

}  // namespace dcp

#endif  // DCP_CACHE_LAYER_SLOTS_H_
