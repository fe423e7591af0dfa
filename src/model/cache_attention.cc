#include "model/cache_attention.h"

#include <algorithm>
#include <limits>

#include "kernels/attention.h"
#include "kernels/interaction.h"
#include "model/weights.h"

namespace dcp {
namespace {

constexpr float kNoScore = std::numeric_limits<float>::quiet_NaN();

// Queries of a chunk that one worker takes at a time.
constexpr size_t kUnitQueries = 4 * kChunkQueries;

// Pages of slots that one worker decides about at a time.
constexpr size_t kUnitPages = 4;

}  // namespace

CacheAttention::CacheAttention(const Model& model, BatchedCache& cache, const EvictionPolicy& policy, ThreadPool& pool)
    : model_(model), policy_(policy), pool_(pool), delay_(cache.shape().eviction_delay) {
  const size_t positions = RoundUp(static_cast<size_t>(model.config().n_positions), kPanel);
  workers_.resize(static_cast<size_t>(pool.threads()));
  for (WorkerScratch& worker : workers_) {
    worker.attention = AlignedBuffer<float>(AttentionScratch(positions));
    worker.scores = AlignedBuffer<float>(positions);
    worker.evictions.reserve(2 * positions);  // a slot may be named twice, as delayed and at once, before it is sorted
  }
}

void CacheAttention::Begin(std::span<const Segment> segments) {
  by_token_.clear();
  by_chunk_.clear();
  steps_ = 0;
  for (const Segment& segment : segments) {
    const bool chunk = segment.tokens.size() > 1 && policy_.chunk_rule() != EvictionPolicy::ChunkRule::kTokenByToken;
    (chunk ? by_chunk_ : by_token_).push_back(&segment);
    if (!chunk) steps_ = std::max(steps_, segment.tokens.size());
  }
  if (delay_ > 0) return;
  const size_t positions = workers_[0].scores.size();
  while (chunk_scratch_.size() < by_chunk_.size()) {
    chunk_scratch_.push_back({AlignedBuffer<int32_t>(positions), AlignedBuffer<float>(positions)});
  }
}

void CacheAttention::Run(size_t layer, ConstMatrix qkv, Matrix out) {
  layer_ = layer;
  qkv_ = qkv;
  out_ = out;
  for (size_t step = 0; step < steps_; ++step) RunTokenStep(step);
  if (!by_chunk_.empty()) RunChunks();
}

SlotContent CacheAttention::Content(size_t row) const {
  const auto c = static_cast<size_t>(model_.config().n_embd);
  const auto r = static_cast<size_t>(model_.config().int_n_embd);
  const float* fused = qkv_.row(row);
  return {fused + c, fused + 2 * c, fused + 3 * c + r};
}

// Token number `step` of every segment that has one.
void CacheAttention::RunTokenStep(size_t step) {
  active_.clear();
  for (const Segment* segment : by_token_) {
    if (step >= segment->tokens.size()) continue;
    Slots(*segment).Reserve(1);
    active_.push_back(segment);
  }
  const auto heads = static_cast<size_t>(model_.config().n_head);
  if (policy_.NeedsAttention()) {  // the heads of a sequence add to the same sums, so they go one after the other
    pool_.ParallelFor(active_.size(), [&](size_t i, size_t worker) {
      AppendAndEvict(*active_[i], step, workers_[worker]);
      for (size_t head = 0; head < heads; ++head) Attend(*active_[i], step, head, workers_[worker]);
    });
    return;
  }
  pool_.ParallelFor(active_.size(),
                    [&](size_t i, size_t worker) { AppendAndEvict(*active_[i], step, workers_[worker]); });
  pool_.ParallelFor(active_.size() * heads,
                    [&](size_t i, size_t worker) { Attend(*active_[i / heads], step, i % heads, workers_[worker]); });
}

void CacheAttention::AppendAndEvict(const Segment& segment, size_t step, WorkerScratch& scratch) {
  LayerSlots& slots = Slots(segment);
  const int32_t position = segment.first_position() + static_cast<int32_t>(step);
  SlotsView view;
  if (policy_.NeedsInteraction()) {
    const float* q_int = qkv_.row(segment.row + step) + 3 * static_cast<size_t>(model_.config().n_embd);
    InteractionScores(q_int, slots.pages(), model_.weights().layers[layer_].beta, scratch.scores.data());
    view.scores = {scratch.scores.data(), slots.size()};
  }
  slots.Append(position, Content(segment.row + step));
  view.position = position;
  view.positions = {slots.positions(), slots.size()};
  if (policy_.NeedsAttention()) view.attention = {slots.attention(), slots.size()};
  if (delay_ > 0) view.expires = {slots.expires(), slots.size()};
  scratch.evictions.clear();
  policy_.Select(view, scratch.evictions);
  if (delay_ == 0) return Evict(segment, position, scratch.evictions);
  Decide(segment, position, scratch.evictions);
  EvictExpired(segment, position, ExpiryOf(segment), scratch);
}

// Notes when what token `position` drops is to leave.
void CacheAttention::Decide(const Segment& segment, int32_t position, std::span<const Eviction> evictions) {
  const Expiry expiry = ExpiryOf(segment);
  for (const Eviction& e : evictions) {
    expiry.expires[e.slot] = e.delayed ? position + delay_ : position;
    expiry.scores[e.slot] = e.score;
  }
}

void CacheAttention::Evict(const Segment& segment, int32_t position, std::span<const Eviction> evictions) {
  if (evictions.empty()) return;
  LayerSlots& slots = Slots(segment);
  if (segment.drops != nullptr) {
    DropLog& log = segment.drops[layer_];
    for (const Eviction& e : evictions) {
      const auto dropped = static_cast<size_t>(slots.positions()[e.slot]);
      log.dropped_at[dropped] = position;
      log.score[dropped] = e.score;
    }
  }
  slots.Evict(evictions);
}

void CacheAttention::Attend(const Segment& segment, size_t step, size_t head, WorkerScratch& scratch) {
  LayerSlots& slots = Slots(segment);
  const auto d = static_cast<size_t>(model_.config().head_dim());
  const size_t row = segment.row + step;
  AttendOne(qkv_.row(row) + head * d, slots.pages(), head, scratch.attention.data(), out_.row(row) + head * d,
            policy_.NeedsAttention() ? slots.attention() : nullptr);
}

void CacheAttention::RunChunks() {
  for (const Segment* segment : by_chunk_) Slots(*segment).Reserve(segment->tokens.size());
  pool_.ParallelFor(by_chunk_.size(), [&](size_t i, size_t) { AppendChunk(i); });
  if (policy_.chunk_rule() == EvictionPolicy::ChunkRule::kThreshold) DecideChunks();
  AttendChunks();
  pool_.ParallelFor(by_chunk_.size(), [&](size_t i, size_t worker) {
    const Segment& segment = *by_chunk_[i];
    const int32_t last = segment.first_position() + static_cast<int32_t>(segment.tokens.size()) - 1;
    EvictExpired(segment, last, ChunkExpiry(i), workers_[worker]);
  });
}

CacheAttention::Expiry CacheAttention::ChunkExpiry(size_t index) {
  if (delay_ > 0) return ExpiryOf(*by_chunk_[index]);
  return {chunk_scratch_[index].expires.data(), chunk_scratch_[index].scores.data()};
}

void CacheAttention::AppendChunk(size_t index) {
  const Segment& segment = *by_chunk_[index];
  LayerSlots& slots = Slots(segment);
  for (size_t i = 0; i < segment.tokens.size(); ++i) {
    slots.Append(segment.first_position() + static_cast<int32_t>(i), Content(segment.row + i));
  }
  if (delay_ > 0) return;
  const bool by_position = policy_.chunk_rule() == EvictionPolicy::ChunkRule::kExpiry;
  const Expiry expiry = ChunkExpiry(index);
  for (size_t i = 0; i < slots.size(); ++i) {
    expiry.expires[i] = by_position ? policy_.ExpiresAt(slots.positions()[i]) : kNever;
    expiry.scores[i] = kNoScore;
  }
}

void CacheAttention::DecideChunks() {
  units_.clear();
  for (size_t i = 0; i < by_chunk_.size(); ++i) {
    const size_t pages = Slots(*by_chunk_[i]).page_count();
    for (size_t page = 0; page < pages; page += kUnitPages) {
      units_.push_back({i, 0, page, std::min(page + kUnitPages, pages)});
    }
  }
  const auto c = static_cast<size_t>(model_.config().n_embd);
  const auto r = static_cast<size_t>(model_.config().int_n_embd);
  pool_.ParallelFor(units_.size(), [&](size_t i, size_t) {
    const ChunkUnit& unit = units_[i];
    const Segment& segment = *by_chunk_[unit.segment];
    ChunkDropArgs args;
    args.q_int = qkv_.Rows(segment.row, segment.tokens.size()).Cols(3 * c, r);
    args.keys = Slots(segment).pages();
    args.beta = model_.weights().layers[layer_].beta;
    args.threshold = policy_.threshold();
    args.first_position = segment.first_position();
    args.delay = delay_;
    args.positions = Slots(segment).positions();
    const Expiry expiry = ChunkExpiry(unit.segment);
    args.expires = expiry.expires;
    args.drop_scores = expiry.scores;
    DropChunk(args, unit.begin, unit.end);
  });
}

void CacheAttention::AttendChunks() {
  const auto heads = static_cast<size_t>(model_.config().n_head);
  const auto d = static_cast<size_t>(model_.config().head_dim());
  units_.clear();
  for (size_t i = 0; i < by_chunk_.size(); ++i) {
    const size_t queries = by_chunk_[i]->tokens.size();
    for (size_t head = 0; head < heads; ++head) {
      for (size_t begin = 0; begin < queries; begin += kUnitQueries) {
        units_.push_back({i, head, begin, std::min(begin + kUnitQueries, queries)});
      }
    }
  }
  pool_.ParallelFor(units_.size(), [&](size_t i, size_t worker) {
    const ChunkUnit& unit = units_[i];
    const Segment& segment = *by_chunk_[unit.segment];
    ChunkAttentionArgs args;
    args.q = qkv_.Rows(segment.row, segment.tokens.size()).Cols(unit.head * d, d);
    args.kv = Slots(segment).pages();
    args.head = unit.head;
    args.first_position = segment.first_position();
    args.positions = Slots(segment).positions();
    args.expires = ChunkExpiry(unit.segment).expires;
    args.scratch = workers_[worker].attention.data();
    args.out = out_.Rows(segment.row, segment.tokens.size()).Cols(unit.head * d, d);
    AttendChunk(args, unit.begin, unit.end);
  });
}

// Evicts what token `last` no longer attends.
void CacheAttention::EvictExpired(const Segment& segment, int32_t last, const Expiry& expiry, WorkerScratch& scratch) {
  LayerSlots& slots = Slots(segment);
  scratch.evictions.clear();
  for (size_t i = 0; i < slots.size(); ++i) {
    if (expiry.expires[i] > last) continue;
    scratch.evictions.push_back({static_cast<uint32_t>(i), expiry.scores[i]});
    if (segment.drops == nullptr) continue;
    const auto dropped = static_cast<size_t>(slots.positions()[i]);
    segment.drops[layer_].dropped_at[dropped] = expiry.expires[i];
    segment.drops[layer_].score[dropped] = expiry.scores[i];
  }
  slots.Evict(scratch.evictions);
}

}  // namespace dcp
