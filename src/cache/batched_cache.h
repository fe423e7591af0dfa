// The KV cache of a session: the kept sets of every layer of every sequence, over one page pool.
#ifndef DCP_CACHE_BATCHED_CACHE_H_
#define DCP_CACHE_BATCHED_CACHE_H_

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "cache/layer_slots.h"
#include "cache/page_pool.h"
#include "dcp/kv_cache.h"

namespace dcp {

struct PolicyRules;

// What the cache holds of one sequence.
struct CachedSequence {
  SequenceId id = 0;
  std::shared_ptr<const PolicyRules> rules;  // by which its slots leave; the cache itself does not look
  int32_t seen = 0;                          // tokens fed
  bool broken = false;                       // a pass failed midway: its layers disagree
  bool leaving = false;                      // back only to be described and removed
  std::vector<LayerSlots> layers;            // [L]
};

struct CacheShape {
  int layers = 0;     // L
  int positions = 0;  // P
  PageLayout page;
  int eviction_delay = 0;  // W: drops that are decided take effect so much later
  SlotTracking tracking;
};

class BatchedCache final : public KvCache {
 public:
  explicit BatchedCache(const CacheShape& shape);

  // Adds an empty sequence.
  CachedSequence& Add(std::shared_ptr<const PolicyRules> rules = nullptr);
  // Adds a copy of `source`, which shares its pages until either writes to them. Throws Error(kOutOfMemory); nothing is
  // added then.
  CachedSequence& Clone(const CachedSequence& source);
  // Forgets a sequence; its pages return to the pool.
  void Remove(SequenceId id);

  // Takes a sequence out as it is, and puts it back in, under its id. One that is `leaving`, whose pages went when it
  // was taken out, does not count among what the cache holds: its bookkeeping was elsewhere all the time.
  std::unique_ptr<CachedSequence> TakeOut(SequenceId id);
  void PutIn(std::unique_ptr<CachedSequence> sequence);

  // Throws Error(kInvalidArgument) when there is no such sequence.
  CachedSequence& Find(SequenceId id);
  const CachedSequence& Find(SequenceId id) const;

  // Makes sure of free pages for what cannot fail. Throws Error(kOutOfMemory).
  void EnsureFreePages(size_t pages) {
    if (pages > 0) pool_.EnsureFree(pages);
  }

  // Returns pages nobody needs to the system; to be called when a pass is over.
  void Trim() noexcept {
    reserved_peak_ = std::max(reserved_peak_, reserved_bytes());
    pool_.Trim();
  }
  // The most that reserved_bytes() was: within a pass it only grows.
  size_t reserved_peak() const { return reserved_peak_; }

  PagePool& pool() { return pool_; }

  // As Stats() says, without looking at every layer.
  size_t reserved_bytes() const { return pool_.reserved_bytes() + (sequences_.size() - leaving_) * sequence_bytes_; }
  // The same with so many sequences and pages more, at most.
  size_t BytesWith(size_t sequences, size_t pages) const {
    return pool_.BytesWith(pages) + (sequences_.size() - leaving_ + sequences) * sequence_bytes_;
  }
  // Bytes of bookkeeping that every sequence has, empty or not.
  size_t sequence_bytes() const { return sequence_bytes_; }

  // Pages that feeding so many tokens to a sequence can take at most. `decides` [L]: whether the policy of a layer
  // decides about drops, where they do not follow from positions alone.
  size_t MostNewPages(SequenceId sequence, size_t tokens, const std::vector<bool>& decides) const;

  const CacheShape& shape() const { return shape_; }

  int layers() const override { return shape_.layers; }
  std::vector<SequenceId> Sequences() const override;
  CacheStats Stats() const override;
  CacheStats Stats(SequenceId sequence) const override;
  int SeenTokens(SequenceId sequence) const override { return Find(sequence).seen; }
  int KeptTokens(int layer, SequenceId sequence) const override;
  std::vector<int32_t> KeptPositions(int layer, SequenceId sequence) const override;
  std::vector<int32_t> SlotPositions(int layer, SequenceId sequence) const override;
  double Sparsity(SequenceId sequence) const override;

  // The history of evictions of one layer. REQUIRES: shape().tracking.drops.
  const DropLog& Drops(int layer, SequenceId sequence) const { return LayerOf(layer, sequence).drops(); }
  std::span<const int32_t> DropOrder(int layer, SequenceId sequence) const {
    return LayerOf(layer, sequence).drop_order();
  }

 private:
  CacheStats StatsOf(const CachedSequence& sequence) const;
  const LayerSlots& LayerOf(int layer, SequenceId sequence) const;

  CacheShape shape_;
  PagePool pool_;
  std::vector<std::unique_ptr<CachedSequence>> sequences_;
  size_t sequence_bytes_ = 0;
  size_t reserved_peak_ = 0;
  SequenceId next_id_ = 0;
  size_t leaving_ = 0;  // sequences
};

}  // namespace dcp

#endif  // DCP_CACHE_BATCHED_CACHE_H_
