#include "cache/page_pool.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/aligned_buffer.h"
#include "base/system_memory.h"
#include "dcp/error.h"

namespace dcp {
namespace {

// Address space asked of the system at a time; costs nothing until touched.
constexpr size_t kSlabBytes = size_t{16} << 20;

// Free pages kept for the next requests: one in this many of those in use. Sequences that decode give and take a page
// every few tokens; going to the system each time would cost page faults.
constexpr size_t kSpareShare = 32;

}  // namespace

PagePool::PagePool(size_t page_bytes)
    : page_bytes_(RoundUp(page_bytes, SystemPageBytes())),
      pages_per_slab_(std::max<size_t>(1, kSlabBytes / page_bytes_)) {}

PagePool::~PagePool() {
  for (const Slab& slab : slabs_) UnmapMemory(slab.memory, pages_per_slab_ * page_bytes_);
}

void PagePool::AddSlab() {
  const size_t pages = (slabs_.size() + 1) * pages_per_slab_;
  slabs_.reserve(slabs_.size() + 1);
  resident_.reserve(pages);  // so that Give and Trim never allocate
  vacant_.reserve(pages);
  auto handles = std::make_unique<CachePage[]>(pages_per_slab_);
  std::byte* memory = MapMemory(pages_per_slab_ * page_bytes_);
  if (memory == nullptr) {
    throw Error(ErrorCode::kOutOfMemory, "cache: the system refused " + std::to_string(pages_per_slab_ * page_bytes_) +
                                             " bytes beside " + std::to_string(reserved_bytes()) + " reserved ones");
  }
  for (size_t i = pages_per_slab_; i-- > 0;) {
    handles[i].data = memory + i * page_bytes_;
    vacant_.push_back(&handles[i]);
  }
  slabs_.push_back({memory, std::move(handles)});
}

CachePage* PagePool::Take() {
  const std::lock_guard lock(mutex_);
  if (resident_.empty() && vacant_.empty()) AddSlab();
  std::vector<CachePage*>& source = resident_.empty() ? vacant_ : resident_;
  CachePage* page = source.back();
  source.pop_back();
  ++in_use_;
  page->owners.store(1, std::memory_order_relaxed);
  return page;
}

void PagePool::EnsureFree(size_t pages) {
  const std::lock_guard lock(mutex_);
  while (resident_.size() + vacant_.size() < pages) AddSlab();
}

void PagePool::Share(CachePage* page) noexcept {
  page->owners.fetch_add(1, std::memory_order_relaxed);
  shares_.fetch_add(1, std::memory_order_relaxed);
}

void PagePool::Give(CachePage* page) noexcept {
  // What this owner read was read before; who finds itself the only owner left may write.
  if (page->owners.fetch_sub(1, std::memory_order_acq_rel) > 1) {
    shares_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  const std::lock_guard lock(mutex_);
  resident_.push_back(page);
  --in_use_;
}

void PagePool::Trim() noexcept {
  const std::lock_guard lock(mutex_);
  const size_t spare = in_use_ == 0 ? 0 : in_use_ / kSpareShare + 1;
  while (resident_.size() > spare) {
    if (!DiscardMemory(resident_.back()->data, page_bytes_)) return;
    vacant_.push_back(resident_.back());
    resident_.pop_back();
  }
}

}  // namespace dcp
