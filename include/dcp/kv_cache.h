// The batched, ragged KV cache, as its users see it: what it holds, where, and in how many bytes.
//
// Every (layer, sequence) has its own kept set. K, V, k_int and the position of a token leave together; holes are
// closed at once by moving the last slot into them, so that a kept set is always dense: slots 0 .. kept-1, no masks, no
// padding. Slots live in pages of kSlotsPerPage taken from one pool that all layers and sequences share; a page that
// falls empty returns to the pool, and the pool returns what it does not need to the operating system. A clone shares
// the pages of its source; whichever is to change a page copies it first.
#ifndef DCP_KV_CACHE_H_
#define DCP_KV_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dcp/export.h"
#include "dcp/types.h"

namespace dcp {

// What a cache, or one sequence of it, holds.
struct CacheStats {
  int64_t seen_tokens = 0;    // tokens fed, summed over sequences
  int64_t kept_slots = 0;     // slots held, summed over layers and sequences
  size_t live_bytes = 0;      // K, V and k_int of the kept slots, of each sequence its own, shared or not
  size_t reserved_bytes = 0;  // what the cache holds from the system: resident pages (used or free) and bookkeeping
  size_t dense_bytes = 0;     // K and V of every seen token in every layer, same KV type: what a dense cache would need
  size_t page_bytes = 0;      // size of one page
  size_t pages_in_use = 0;    // pages that hold at least one slot
  size_t pages_free = 0;      // resident pages waiting in the pool
};

// Slots in a page.
inline constexpr int kSlotsPerPage = 16;

// Owned by a Session. Reading it is safe whenever no call of that Session is running.
class DCP_EXPORT KvCache {
 public:
  virtual ~KvCache();

  // L, those of the model.
  virtual int layers() const = 0;

  // Sequences now in the cache, in the order in which they were added.
  virtual std::vector<SequenceId> Sequences() const = 0;

  // Of the whole cache. Linear in layers x sequences.
  virtual CacheStats Stats() const = 0;

  // Of one sequence. pages_in_use and reserved_bytes count the pages it holds, those shared with clones in full - so
  // they may add up to more than Stats(), where a shared page counts once -, pages_free is 0. Like everything below
  // throws Error(kInvalidArgument), which names it, for a sequence or layer that is not there.
  virtual CacheStats Stats(SequenceId sequence) const = 0;

  // Number of tokens fed to the sequence so far (its next position).
  virtual int SeenTokens(SequenceId sequence) const = 0;

  // Number of kept tokens.
  virtual int KeptTokens(int layer, SequenceId sequence) const = 0;

  // Positions of the kept tokens, ascending.
  virtual std::vector<int32_t> KeptPositions(int layer, SequenceId sequence) const = 0;

  // Positions in slot order: element i is the position of the token in slot i ("which tokens are kept, where").
  virtual std::vector<int32_t> SlotPositions(int layer, SequenceId sequence) const = 0;

  // Share of the earlier tokens that were dropped by the time the last fed token attended, mean over layers: the
  // sparsity at context n = SeenTokens - 1. 0 while there is no earlier token.
  virtual double Sparsity(SequenceId sequence) const = 0;
};

}  // namespace dcp

#endif  // DCP_KV_CACHE_H_
