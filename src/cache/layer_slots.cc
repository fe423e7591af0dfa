#include "cache/layer_slots.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace dcp {
namespace {

template <typename T>
void CopyFirst(size_t count, const AlignedBuffer<T>& from, AlignedBuffer<T>& to) {
  std::copy_n(from.data(), std::min({count, from.size(), to.size()}), to.data());
}

}  // namespace

LayerSlots::LayerSlots(const PageLayout& layout, PagePool& pool, size_t capacity, const SlotTracking& tracking)
    : layout_(&layout),
      pool_(&pool),
      positions_(RoundUp(capacity, kPanel)),
      attention_(tracking.attention ? RoundUp(capacity, kPanel) : 0),
      expires_(tracking.expiry ? RoundUp(capacity, kPanel) : 0),
      drop_scores_(expires_.size()) {
  pages_.reserve(DivideUp(capacity, kPanel));
}

LayerSlots::~LayerSlots() {
  for (std::byte* page : pages_) pool_->Give(page);
}

LayerSlots::LayerSlots(LayerSlots&& other) noexcept
    : layout_(other.layout_),
      pool_(other.pool_),
      size_(std::exchange(other.size_, 0)),
      pages_(std::move(other.pages_)),
      positions_(std::move(other.positions_)),
      attention_(std::move(other.attention_)),
      expires_(std::move(other.expires_)),
      drop_scores_(std::move(other.drop_scores_)) {
  other.pages_.clear();
}

void LayerSlots::Reserve(size_t more) {
  assert(size_ + more <= positions_.size());
  while (pages_.size() * kPanel < size_ + more) pages_.push_back(pool_->Take());
}

void LayerSlots::Append(int32_t position, const SlotContent& content) {
  assert(size_ < pages_.size() * kPanel);
  WriteSlot(*layout_, pages_[size_ / kPanel], size_ % kPanel, content);
  positions_[size_] = position;
  if (attention_.size() > 0) attention_[size_] = 0.0f;
  if (expires_.size() > 0) {
    expires_[size_] = kNever;
    drop_scores_[size_] = std::numeric_limits<float>::quiet_NaN();
  }
  ++size_;
}

void LayerSlots::Move(size_t from, size_t to) {
  CopySlot(*layout_, pages_[from / kPanel], from % kPanel, pages_[to / kPanel], to % kPanel);
  positions_[to] = positions_[from];
  if (attention_.size() > 0) attention_[to] = attention_[from];
  if (expires_.size() > 0) {
    expires_[to] = expires_[from];
    drop_scores_[to] = drop_scores_[from];
  }
}

void LayerSlots::Evict(std::span<const Eviction> evictions) {
  // From the back, so that the slot that closes a hole is never one that is still to go.
  for (size_t i = evictions.size(); i-- > 0;) {
    const size_t hole = evictions[i].slot;
    assert(hole < size_);
    --size_;
    if (hole != size_) Move(size_, hole);
  }
  ReleaseEmptyPages();
}

void LayerSlots::ReleaseEmptyPages() {
  const size_t needed = DivideUp(size_, kPanel);
  while (pages_.size() > needed) {
    pool_->Give(pages_.back());
    pages_.pop_back();
  }
}

void LayerSlots::Assign(std::span<const int32_t> positions) {
  assert(size_ == 0);
  Reserve(positions.size());
  std::copy(positions.begin(), positions.end(), positions_.data());
  size_ = positions.size();
}

void LayerSlots::CopyFrom(const LayerSlots& other) {
  Assign({other.positions(), other.size()});
  for (size_t i = 0; i < pages_.size(); ++i) std::memcpy(pages_[i], other.pages_[i], layout_->page_bytes());
  CopyFirst(size_, other.attention_, attention_);
  CopyFirst(size_, other.expires_, expires_);
  CopyFirst(size_, other.drop_scores_, drop_scores_);
}

size_t LayerSlots::bookkeeping_bytes() const {
  return sizeof(*this) + pages_.capacity() * sizeof(std::byte*) + positions_.size() * sizeof(int32_t) +
         attention_.size() * sizeof(float) + expires_.size() * sizeof(int32_t) + drop_scores_.size() * sizeof(float);
}

}  // namespace dcp
