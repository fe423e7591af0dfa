// Memory for cache pages, shared by all layers and sequences of a cache.
#ifndef DCP_CACHE_PAGE_POOL_H_
#define DCP_CACHE_PAGE_POOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace dcp {

// Memory of a page, and how many hold it. What several hold may only be read. Trim() may move the memory elsewhere:
// PagePool::moves() tells.
struct CachePage {
  std::byte* data = nullptr;
  std::atomic<size_t> owners = 0;
  size_t place = 0;  // the pool's

  bool shared() const { return owners.load(std::memory_order_acquire) > 1; }
};

// A set of numbers that finds its lowest one quickly.
class LowestFirstSet {
 public:
  // Room for the numbers below `end`; Insert never allocates then.
  void Reserve(size_t end) { words_.resize((end + 63) / 64); }

  void Insert(size_t i);
  void Erase(size_t i);
  bool Contains(size_t i) const { return (words_[i / 64] >> i % 64 & 1) != 0; }
  size_t size() const { return size_; }

  // REQUIRES: size() > 0.
  size_t Lowest();

  // The lowest number that is not below `i`; kNone where there is none.
  static constexpr size_t kNone = static_cast<size_t>(-1);
  size_t LowestFrom(size_t i) const;

 private:
  std::vector<uint64_t> words_;
  size_t first_ = 0;  // no word before it has a bit
  size_t size_ = 0;
};

// Hands out pages of one size. Address space comes from the system in slabs, memory and its return in units: single
// pages in the first slab, so that small caches stay small, and large pages of the system (2 MiB) in all others,
// because walking a big cache in small ones costs more than reading it. The lowest free page is taken first, so that
// units fill up before new ones are touched; a unit is resident from the first page taken in it until Trim() returns it
// whole. Taking, sharing and giving are thread-safe; the rest wants quiet.
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

  // What reserved_bytes() will be at most once so many more pages were taken, whatever is given meanwhile.
  size_t BytesWith(size_t pages) const;

  // One more owner of a page. REQUIRES: the caller is one.
  void Share(CachePage* page) noexcept;

  // One owner less; a page that has none is free. REQUIRES: the caller is one.
  void Give(CachePage* page) noexcept;

  // Whether any page has several owners.
  bool sharing() const { return shares_.load(std::memory_order_relaxed) > 0; }

  // Returns memory to the system until little is left for the next requests: a small share of the pages in use, or
  // none when nothing is in use. Where pages in use lie so scattered that much of the memory is free and yet cannot go,
  // some are moved together, a few at each call.
  void Trim() noexcept;

  // Grows whenever Trim() moved pages: what was read of CachePage::data is then to be read again.
  size_t moves() const { return moves_; }

  size_t page_bytes() const { return page_bytes_; }
  size_t pages_in_use() const { return in_use_; }

  // Free pages whose memory is still held.
  size_t pages_free() const { return resident_.size(); }

  // Bytes held from the system: all resident units.
  size_t reserved_bytes() const { return reserved_bytes_; }

 private:
  // What comes from the system, and goes back, as one.
  struct Unit {
    uint32_t used = 0;  // pages in use that lie in it, or partly
    bool resident = false;
  };

  struct Slab {
    std::byte* memory;
    size_t unit_bytes;
    std::vector<Unit> units;
    std::unique_ptr<CachePage[]> pages;
  };

  struct PageRange {
    size_t begin, end;
  };

  void AddSlab();
  Slab& SlabOf(size_t place) { return slabs_[place / pages_per_slab_]; }
  PageRange UnitsOf(const Slab& slab, size_t place) const;
  PageRange PlacesOf(size_t slab, size_t unit) const;
  bool IsResident(size_t place);
  void MakeResident(size_t place);
  void Discard(size_t slab, size_t unit);
  void CountUse(size_t place, int more);
  void DiscardEmptyUnits(size_t wanted);
  void MoveTogether(size_t wanted);
  bool Empty(size_t slab, size_t unit, size_t& moves);
  void Move(size_t from, size_t to);

  const size_t page_bytes_;
  const size_t pages_per_slab_;
  const size_t slab_bytes_;
  std::mutex mutex_;
  std::vector<Slab> slabs_;
  std::vector<CachePage*> pages_;  // by place: number among the pages of all slabs
  LowestFirstSet resident_;        // places that are free, their memory held
  LowestFirstSet vacant_;          // places that are free, their memory, or part of it, with the system
  size_t in_use_ = 0;
  size_t empty_units_ = 0;  // resident, no page in use
  size_t reserved_bytes_ = 0;
  size_t moves_ = 0;
  std::atomic<size_t> shares_ = 0;  // owners beyond the first, of all pages
};

}  // namespace dcp

#endif  // DCP_CACHE_PAGE_POOL_H_
