#include "cache/layer_slots.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "dcp/kv_cache.h"

namespace dcp {
namespace {

static_assert(kSlotsPerPage == kPanel, "a page of a head is a panel of a product");

constexpr float kNoScore = std::numeric_limits<float>::quiet_NaN();

template <typename T>
void CopyFirst(size_t count, const AlignedBuffer<T>& from, AlignedBuffer<T>& to) {
  std::copy_n(from.data(), std::min({count, from.size(), to.size()}), to.data());
}

}  // namespace

LayerSlots::LayerSlots(const PageLayout& layout, PagePool& pool, size_t capacity, const SlotTracking& tracking)
    : layout_(&layout),
      pool_(&pool),
      positions_(RoundUp(capacity, kPanel)),
      attention_(tracking.attention ? positions_.size() : 0),
      expires_(positions_.size()),
      drop_scores_(tracking.scores ? positions_.size() : 0),
      track_drops_(tracking.drops) {
  held_.reserve(DivideUp(capacity, kPanel));
  pages_.reserve(DivideUp(capacity, kPanel));
  if (!track_drops_) return;
  drops_.dropped_at.reserve(capacity);
  drops_.score.reserve(capacity);
  drop_order_.reserve(capacity);
}

LayerSlots::~LayerSlots() {
  for (CachePage* page : held_) pool_->Give(page);
}

LayerSlots::LayerSlots(LayerSlots&& other) noexcept
    : layout_(other.layout_),
      pool_(other.pool_),
      size_(std::exchange(other.size_, 0)),
      held_(std::move(other.held_)),
      pages_(std::move(other.pages_)),
      moves_(other.moves_),
      positions_(std::move(other.positions_)),
      attention_(std::move(other.attention_)),
      expires_(std::move(other.expires_)),
      drop_scores_(std::move(other.drop_scores_)),
      drops_(std::move(other.drops_)),
      drop_order_(std::move(other.drop_order_)),
      earliest_(other.earliest_),
      track_drops_(other.track_drops_) {
  other.held_.clear();
  other.pages_.clear();
}

void LayerSlots::AddPage(CachePage* page) {
  held_.push_back(page);
  pages_.push_back(page->data);
}

// Looks again where the pages are, in case the pool has moved any.
void LayerSlots::FollowMoves() {
  if (moves_ == pool_->moves()) return;
  moves_ = pool_->moves();
  for (size_t i = 0; i < held_.size(); ++i) pages_[i] = held_[i]->data;
}

// Makes a page writable: one that others hold is replaced by a copy.
void LayerSlots::OwnPage(size_t i) {
  CachePage* page = held_[i];
  if (!page->shared()) return;
  held_[i] = pool_->Take();
  pages_[i] = held_[i]->data;
  std::memcpy(pages_[i], page->data, layout_->page_bytes());
  pool_->Give(page);
}

size_t LayerSlots::shared_pages() const {
  if (!pool_->sharing()) return 0;
  return static_cast<size_t>(
      std::count_if(held_.begin(), held_.end(), [](const auto* page) { return page->shared(); }));
}

void LayerSlots::Reserve(size_t more) {
  assert(size_ + more <= positions_.size());
  FollowMoves();
  if (size_ < pages_.size() * kPanel) OwnPage(size_ / kPanel);
  while (pages_.size() * kPanel < size_ + more) AddPage(pool_->Take());
}

size_t LayerSlots::MostNewPages(size_t tokens, int32_t last, bool decides) const {
  const size_t needed = DivideUp(size_ + tokens, kPanel);
  const size_t more = needed > held_.size() ? needed - held_.size() : 0;
  if (decides || earliest_ <= last) return more + shared_pages();
  const bool fills_shared = size_ < held_.size() * kPanel && held_[size_ / kPanel]->shared();
  return more + (fills_shared ? 1 : 0);
}

std::vector<CachePage*> LayerSlots::DetachPages() {
  std::vector<CachePage*> pages = held_;
  held_.clear();
  pages_.clear();
  return pages;
}

void LayerSlots::AttachPages(std::span<CachePage* const> pages) {
  assert(held_.empty() && pages.size() * kPanel >= size_);
  moves_ = pool_->moves();
  for (CachePage* page : pages) AddPage(page);
}

void LayerSlots::Append(int32_t position, int32_t expires, const SlotContent& content) {
  assert(size_ < pages_.size() * kPanel);
  WriteSlot(*layout_, pages_[size_ / kPanel], size_ % kPanel, content);
  positions_[size_] = position;
  expires_[size_] = expires;
  earliest_ = std::min(earliest_, expires);
  if (attention_.size() > 0) attention_[size_] = 0.0f;
  if (drop_scores_.size() > 0) drop_scores_[size_] = kNoScore;
  if (track_drops_) {
    assert(drops_.dropped_at.size() == static_cast<size_t>(position));
    drops_.dropped_at.push_back(-1);
    drops_.score.push_back(kNoScore);
  }
  ++size_;
}

void LayerSlots::Expire(size_t slot, int32_t at, float score) {
  assert(slot < size_);
  if (at >= expires_[slot]) return;
  expires_[slot] = at;
  earliest_ = std::min(earliest_, at);
  if (drop_scores_.size() > 0) drop_scores_[slot] = score;
}

void LayerSlots::EvictDue(int32_t last) {
  if (earliest_ > last) return;
  earliest_ = kNever;
  // From the back, so that the slot that closes a hole is never one that is still to go.
  for (size_t i = size_; i-- > 0;) {
    if (expires_[i] <= last) {
      Evict(i);
    } else {
      earliest_ = std::min(earliest_, expires_[i]);
    }
  }
  ReleaseEmptyPages();
}

void LayerSlots::Evict(size_t slot) {
  if (track_drops_) {
    const auto position = static_cast<size_t>(positions_[slot]);
    drops_.dropped_at[position] = expires_[slot];
    drops_.score[position] = drop_scores_.size() > 0 ? drop_scores_[slot] : kNoScore;
    drop_order_.push_back(positions_[slot]);
  }
  --size_;
  if (slot != size_) Move(size_, slot);
}

void LayerSlots::Move(size_t from, size_t to) {
  OwnPage(to / kPanel);
  CopySlot(*layout_, pages_[from / kPanel], from % kPanel, pages_[to / kPanel], to % kPanel);
  positions_[to] = positions_[from];
  expires_[to] = expires_[from];
  if (attention_.size() > 0) attention_[to] = attention_[from];
  if (drop_scores_.size() > 0) drop_scores_[to] = drop_scores_[from];
}

void LayerSlots::ReleaseEmptyPages() {
  const size_t needed = DivideUp(size_, kPanel);
  while (pages_.size() > needed) {
    pool_->Give(held_.back());
    held_.pop_back();
    pages_.pop_back();
  }
}

void LayerSlots::Assign(std::span<const int32_t> positions) {
  assert(size_ == 0);
  Reserve(positions.size());
  size_ = positions.size();
  std::copy(positions.begin(), positions.end(), positions_.data());
  std::fill_n(expires_.data(), size_, kNever);
  std::fill_n(drop_scores_.data(), std::min(size_, drop_scores_.size()), kNoScore);
}

void LayerSlots::RestoreDrops(const DropLog& log) {
  drops_ = log;  // copied: room for further tokens stays
  drop_order_.clear();
  for (size_t position = 0; position < log.dropped_at.size(); ++position) {
    if (log.dropped_at[position] >= 0) drop_order_.push_back(static_cast<int32_t>(position));
  }
  const auto dropped_at = [&](int32_t position) { return log.dropped_at[static_cast<size_t>(position)]; };
  std::stable_sort(drop_order_.begin(), drop_order_.end(),
                   [&](int32_t a, int32_t b) { return dropped_at(a) < dropped_at(b); });
}

void LayerSlots::CopyFrom(const LayerSlots& other) noexcept {
  assert(size_ == 0 && pages_.empty());
  size_ = other.size_;
  moves_ = pool_->moves();
  for (size_t i = 0; i < DivideUp(size_, kPanel); ++i) {
    pool_->Share(other.held_[i]);
    AddPage(other.held_[i]);
  }
  CopyFirst(size_, other.positions_, positions_);
  CopyFirst(size_, other.attention_, attention_);
  CopyFirst(size_, other.expires_, expires_);
  CopyFirst(size_, other.drop_scores_, drop_scores_);
  drops_ = other.drops_;  // there is room for it
  drop_order_ = other.drop_order_;
  earliest_ = other.earliest_;
}

size_t LayerSlots::bookkeeping_bytes() const {
  return sizeof(*this) + pages_.capacity() * (sizeof(CachePage*) + sizeof(std::byte*)) +
         (positions_.size() + expires_.size()) * sizeof(int32_t) +
         (attention_.size() + drop_scores_.size()) * sizeof(float);
}

}  // namespace dcp
