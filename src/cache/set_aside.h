// Sequences that wait outside of the cache, so that others have their pages.
#ifndef DCP_CACHE_SET_ASIDE_H_
#define DCP_CACHE_SET_ASIDE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cache/batched_cache.h"
#include "cache/spool_file.h"

namespace dcp {

// What sequences hold, page by page as it stood, in memory of their own or in a file. Brought back they go on bit for
// bit as if they had stayed: slots keep their order. Pages that they share with each other are kept once and shared
// again; those that they share with others become their own. Ids stay.
class SetAsideSequences {
 public:
  // Takes the sequences out of the cache. Throws what Find throws, std::bad_alloc; nothing is changed then. The cache
  // must outlive the object, and so must the file, where there is one: the content goes there then. Throws Error(kIo)
  // where it cannot.
  SetAsideSequences(BatchedCache& cache, std::span<const SequenceId> ids, SpoolFile* spool = nullptr);
  ~SetAsideSequences();
  SetAsideSequences(const SetAsideSequences&) = delete;
  SetAsideSequences& operator=(const SetAsideSequences&) = delete;

  // Puts them back. Throws Error(kOutOfMemory), std::bad_alloc, Error(kIo) where a file does not give back what was
  // written; they stay set aside then.
  void BringBack();

  // Puts them back without what they held: they can be described and removed, nothing else.
  void BringBackToRemove();

  size_t pages() const { return page_count_; }
  size_t sequences() const { return sequences_.size(); }
  size_t bytes() const { return page_count_ * page_bytes_; }
  bool spooled() const { return !places_.empty(); }

 private:
  void DropContent();

  BatchedCache* cache_;
  SpoolFile* spool_;
  size_t page_bytes_;
  size_t page_count_ = 0;
  std::unique_ptr<std::byte[]> content_;  // [page_count_][page_bytes_], null where the file has it
  std::vector<size_t> places_;            // there, of each page
  std::vector<std::unique_ptr<CachedSequence>> sequences_;
  std::vector<std::vector<uint32_t>> held_;  // [sequence * L + layer] pages by their place in content_
};

}  // namespace dcp

#endif  // DCP_CACHE_SET_ASIDE_H_
