// Memory for cache pages, shared by all layers and sequences of a cache.
#ifndef DCP_CACHE_PAGE_POOL_H_
#define DCP_CACHE_PAGE_POOL_H_

#include <cstddef>
#include <mutex>
#include <vector>

namespace dcp {

// Hands out pages of one size. Address space comes from the system in slabs; the memory behind a page is resident from
// the moment it is taken until Trim() returns it to the system. Taking and giving are thread-safe; Trim and the
// counters want quiet.
class PagePool {
 public:
  // Pages hold `page_bytes`, rounded up to whole pages of the system.
  explicit PagePool(size_t page_bytes);
  ~PagePool();
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  // A page of page_bytes(), aligned to the system's pages, contents undefined. Throws Error(kOutOfMemory).
  std::byte* Take();

  // Takes a page back. REQUIRES: it came from Take() and is given once.
  void Give(std::byte* page) noexcept;

  // Returns free pages to the system until few are left for the next requests: a small share of those in use, or none
  // when nothing is in use.
  void Trim() noexcept;

  size_t page_bytes() const { return page_bytes_; }
  size_t pages_in_use() const { return in_use_; }

  // Free pages whose memory is still held.
  size_t pages_free() const { return resident_.size(); }

  // Bytes held from the system: pages in use and free resident ones.
  size_t reserved_bytes() const { return (in_use_ + resident_.size()) * page_bytes_; }

 private:
  void AddSlab();

  const size_t page_bytes_;
  const size_t pages_per_slab_;
  std::mutex mutex_;
  std::vector<std::byte*> slabs_;
  std::vector<std::byte*> resident_;  // free, memory held
  std::vector<std::byte*> vacant_;    // free, memory returned to the system (or never touched)
  size_t in_use_ = 0;
};

}  // namespace dcp

#endif  // DCP_CACHE_PAGE_POOL_H_
