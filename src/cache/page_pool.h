// Memory for cache pages, shared by all layers and sequences of a cache.
#ifndef DCP_CACHE_PAGE_POOL_H_
#define DCP_CACHE_PAGE_POOL_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace dcp {

// Memory of a page, and how many hold it. What several hold may only be read.
struct CachePage {
  std::byte* data = nullptr;
  std::atomic<size_t> owners = 0;

  bool shared() const { return owners.load(std::memory_order_acquire) > 1; }
};

// Hands out pages of one size. Address space comes from the system in slabs; the memory behind a page is resident from
// the moment it is taken until Trim() returns it to the system. Taking, sharing and giving are thread-safe; the rest
// wants quiet.
class PagePool {
 public:
  // Pages hold `page_bytes`, rounded up to whole pages of the system.
  explicit PagePool(size_t page_bytes);
  ~PagePool();
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  // A page of page_bytes(), aligned to the system's pages, contents undefined, of one owner. Throws
  // Error(kOutOfMemory), but not for the first `pages` after EnsureFree(pages).
  CachePage* Take();

  // Makes sure of so many free pages. Costs address space only. Throws Error(kOutOfMemory).
  void EnsureFree(size_t pages);

  // One more owner of a page. REQUIRES: the caller is one.
  void Share(CachePage* page) noexcept;

  // One owner less; a page that has none is free. REQUIRES: the caller is one.
  void Give(CachePage* page) noexcept;

  // Whether any page has several owners.
  bool sharing() const { return shares_.load(std::memory_order_relaxed) > 0; }

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
  struct Slab {
    std::byte* memory;
    std::unique_ptr<CachePage[]> pages;
  };

  void AddSlab();

  const size_t page_bytes_;
  const size_t pages_per_slab_;
  std::mutex mutex_;
  std::vector<Slab> slabs_;
  std::vector<CachePage*> resident_;  // free, memory held
  std::vector<CachePage*> vacant_;    // free, memory returned to the system (or never touched)
  size_t in_use_ = 0;
  std::atomic<size_t> shares_ = 0;  // owners beyond the first, of all pages
};

}  // namespace dcp

#endif  // DCP_CACHE_PAGE_POOL_H_
