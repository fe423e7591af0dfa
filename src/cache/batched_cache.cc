#include "cache/batched_cache.h"

#include <algorithm>
#include <string>
#include <utility>

#include "dcp/error.h"

namespace dcp {

KvCache::~KvCache() = default;

BatchedCache::BatchedCache(const CacheShape& shape) : shape_(shape), pool_(shape.page.page_bytes()) {
  const LayerSlots empty(shape_.page, pool_, static_cast<size_t>(shape_.positions), shape_.tracking);
  sequence_bytes_ = empty.bookkeeping_bytes() * static_cast<size_t>(shape_.layers);
}

CachedSequence& BatchedCache::Add(std::shared_ptr<const PolicyRules> rules) {
  auto sequence = std::make_unique<CachedSequence>();
  sequence->rules = std::move(rules);
  sequence->layers.reserve(shape_.layers);
  for (int i = 0; i < shape_.layers; ++i) {
    sequence->layers.emplace_back(shape_.page, pool_, shape_.positions, shape_.tracking);
  }
  sequences_.push_back(std::move(sequence));
  sequences_.back()->id = next_id_++;
  return *sequences_.back();
}

CachedSequence& BatchedCache::Clone(const CachedSequence& source) {
  CachedSequence& copy = Add(source.rules);
  for (int i = 0; i < shape_.layers; ++i) copy.layers[i].CopyFrom(source.layers[i]);
  copy.seen = source.seen;
  copy.broken = source.broken;
  return copy;
}

void BatchedCache::Remove(SequenceId id) {
  if (Find(id).leaving) --leaving_;  // throws when there is none
  reserved_peak_ = std::max(reserved_peak_, reserved_bytes());
  std::erase_if(sequences_, [id](const auto& s) { return s->id == id; });
  pool_.Trim();
}

std::unique_ptr<CachedSequence> BatchedCache::TakeOut(SequenceId id) {
  Find(id);
  const auto it = std::find_if(sequences_.begin(), sequences_.end(), [id](const auto& s) { return s->id == id; });
  std::unique_ptr<CachedSequence> sequence = std::move(*it);
  sequences_.erase(it);
  return sequence;
}

void BatchedCache::PutIn(std::unique_ptr<CachedSequence> sequence) {
  const auto before = [](SequenceId id, const auto& other) { return id < other->id; };
  const bool leaving = sequence->leaving;
  sequences_.insert(std::upper_bound(sequences_.begin(), sequences_.end(), sequence->id, before), std::move(sequence));
  if (leaving) ++leaving_;
}

size_t BatchedCache::MostNewPages(SequenceId id, size_t tokens, const std::vector<bool>& decides) const {
  const CachedSequence& sequence = Find(id);
  const int32_t last = sequence.seen + static_cast<int32_t>(tokens) - 1;
  size_t pages = 0;
  for (size_t i = 0; i < sequence.layers.size(); ++i) {
    pages += sequence.layers[i].MostNewPages(tokens, last, decides[i]);
  }
  return pages;
}

const CachedSequence& BatchedCache::Find(SequenceId id) const {
  // Ids only grow, so the list is sorted.
  const auto it = std::lower_bound(sequences_.begin(), sequences_.end(), id,
                                   [](const auto& sequence, SequenceId wanted) { return sequence->id < wanted; });
  if (it == sequences_.end() || (*it)->id != id) {
    throw Error(ErrorCode::kInvalidArgument, "sequence " + std::to_string(id) + " is not one of the " +
                                                 std::to_string(sequences_.size()) + " in the cache");
  }
  return **it;
}

CachedSequence& BatchedCache::Find(SequenceId id) {
  return const_cast<CachedSequence&>(static_cast<const BatchedCache*>(this)->Find(id));
}

std::vector<SequenceId> BatchedCache::Sequences() const {
  std::vector<SequenceId> ids;
  for (const auto& sequence : sequences_) ids.push_back(sequence->id);
  return ids;
}

CacheStats BatchedCache::StatsOf(const CachedSequence& sequence) const {
  CacheStats stats;
  stats.page_bytes = pool_.page_bytes();
  stats.seen_tokens = sequence.seen;
  for (const LayerSlots& layer : sequence.layers) {
    stats.kept_slots += static_cast<int64_t>(layer.size());
    stats.pages_in_use += layer.page_count();
    stats.reserved_bytes += layer.page_count() * pool_.page_bytes() + layer.bookkeeping_bytes();
  }
  stats.live_bytes = static_cast<size_t>(stats.kept_slots) * shape_.page.slot_bytes();
  stats.dense_bytes = static_cast<size_t>(stats.seen_tokens) * shape_.layers * shape_.page.dense_slot_bytes();
  return stats;
}

CacheStats BatchedCache::Stats() const {
  CacheStats total;
  total.page_bytes = pool_.page_bytes();
  for (const auto& sequence : sequences_) {
    const CacheStats one = StatsOf(*sequence);
    total.seen_tokens += one.seen_tokens;
    total.kept_slots += one.kept_slots;
    total.live_bytes += one.live_bytes;
    total.reserved_bytes += one.reserved_bytes - one.pages_in_use * pool_.page_bytes();
    total.dense_bytes += one.dense_bytes;
  }
  total.pages_in_use = pool_.pages_in_use();  // those that several sequences share are one
  total.pages_free = pool_.pages_free();
  total.reserved_bytes += pool_.reserved_bytes();
  return total;
}

CacheStats BatchedCache::Stats(SequenceId sequence) const { return StatsOf(Find(sequence)); }

const LayerSlots& BatchedCache::LayerOf(int layer, SequenceId sequence) const {
  const CachedSequence& found = Find(sequence);
  if (layer < 0 || layer >= shape_.layers) {
    throw Error(ErrorCode::kInvalidArgument,
                "layer " + std::to_string(layer) + " is not in 0 .. " + std::to_string(shape_.layers - 1));
  }
  return found.layers[layer];
}

int BatchedCache::KeptTokens(int layer, SequenceId sequence) const {
  return static_cast<int>(LayerOf(layer, sequence).size());
}

std::vector<int32_t> BatchedCache::SlotPositions(int layer, SequenceId sequence) const {
  const LayerSlots& slots = LayerOf(layer, sequence);
  return {slots.positions(), slots.positions() + slots.size()};
}

std::vector<int32_t> BatchedCache::KeptPositions(int layer, SequenceId sequence) const {
  std::vector<int32_t> positions = SlotPositions(layer, sequence);
  std::sort(positions.begin(), positions.end());
  return positions;
}

double BatchedCache::Sparsity(SequenceId sequence) const {
  const CachedSequence& found = Find(sequence);
  const double earlier = found.seen - 1;
  if (earlier <= 0) return 0.0;
  double sum = 0.0;
  for (const LayerSlots& layer : found.layers) sum += (earlier - (static_cast<double>(layer.size()) - 1)) / earlier;
  return sum / shape_.layers;
}

}  // namespace dcp
