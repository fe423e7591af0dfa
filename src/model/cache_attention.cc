#include "model/cache_attention.h"

#include <algorithm>
#include <limits>

#include "eviction/policy_contract.h"
#include "kernels/attention.h"
#include "kernels/interaction.h"

namespace dcp {
namespace {

// Queries of a chunk that one worker takes at a time.
constexpr size_t kUnitQueries = 4 * kChunkQueries;

// Units of decode attention for each worker, at the least.
constexpr size_t kUnitsOfAWorker = 3;

// Pages of slots that one worker decides about at a time.
constexpr size_t kUnitPages = 4;

// When a token expires as far as that is known from its position.
int32_t ExpiryAtAppend(const LayerRule& rule, int32_t position) {
  return rule.chunk == EvictionPolicy::ChunkRule::kExpiry ? ExpiryOf(*rule.policy, position) : kNever;
}

}  // namespace

CacheAttention::CacheAttention(const Model& model, BatchedCache& cache, ThreadPool& pool)
    : weights_(model.weights()), dims_(weights_.dims), cache_(cache), pool_(pool) {
  const size_t positions = RoundUp(dims_.positions, kPanel);
  workers_.resize(static_cast<size_t>(pool.threads()));
  for (WorkerScratch& worker : workers_) {
    worker.attention = AlignedBuffer<float>(AttentionScratch(positions));
    worker.scores = AlignedBuffer<float>(positions);
    worker.evictions.reserve(2 * positions);  // a slot may be named twice, as delayed and at once, before it is sorted
  }
}

void CacheAttention::Begin(std::span<const Segment> segments) { segments_ = segments; }

void CacheAttention::Sort() {
  by_token_.clear();
  by_chunk_.clear();
  steps_ = 0;
  for (const Segment& segment : segments_) {
    const bool chunk = segment.tokens.size() > 1 && RuleOf(segment).by_chunk();
    (chunk ? by_chunk_ : by_token_).push_back(&segment);
    if (!chunk) steps_ = std::max(steps_, segment.tokens.size());
  }
}

void CacheAttention::Run(size_t layer, ConstMatrix qkv, Matrix out) {
  layer_ = layer;
  Sort();
  qkv_ = qkv;
  out_ = out;
  for (size_t step = 0; step < steps_; ++step) RunTokenStep(step);
  if (!by_chunk_.empty()) RunChunks();
}

SlotContent CacheAttention::Content(size_t row) const {
  const float* fused = qkv_.row(row);
  return {fused + dims_.width, fused + 2 * dims_.width, fused + 3 * dims_.width + dims_.int_width};
}

// Takes what appending up to `tokens` tokens to each segment, and then evicting, can need, because nothing may fail in
// a parallel region.
void CacheAttention::Reserve(std::span<const Segment* const> segments, size_t tokens) {
  size_t shared = 0;
  for (const Segment* segment : segments) {
    Slots(*segment).Reserve(std::min(tokens, segment->tokens.size()));
    shared += Slots(*segment).shared_pages();
  }
  cache_.EnsureFreePages(shared);
}

// Token number `step` of every segment that has one.
void CacheAttention::RunTokenStep(size_t step) {
  active_.clear();
  for (const Segment* segment : by_token_) {
    if (step < segment->tokens.size()) active_.push_back(segment);
  }
  Reserve(active_, 1);
  const size_t heads = dims_.heads;
  const auto reads_attention = [this](const Segment* segment) { return RuleOf(*segment).attention; };
  if (std::any_of(active_.begin(), active_.end(), reads_attention)) {
    // The heads of a sequence add to the same sums, so they go one after the other.
    pool_.ParallelFor(active_.size(), [&](size_t i, size_t worker) {
      failure_.Catch(i, [&] { AppendAndEvict(*active_[i], step, workers_[worker]); });
      Attend(*active_[i], step, 0, heads, workers_[worker]);
    });
    return failure_.Rethrow();
  }
  pool_.ParallelFor(active_.size(), [&](size_t i, size_t worker) {
    failure_.Catch(i, [&] { AppendAndEvict(*active_[i], step, workers_[worker]); });
  });
  failure_.Rethrow();
  const size_t together = HeadsOfAUnit(active_.size());
  const size_t units = DivideUp(heads, together);
  pool_.ParallelFor(active_.size() * units, [&](size_t i, size_t worker) {
    const size_t head = i % units * together;
    Attend(*active_[i / units], step, head, std::min(together, heads - head), workers_[worker]);
  });
}

// Heads that a worker takes together: as many as leave every worker several units, so that none waits long for another.
size_t CacheAttention::HeadsOfAUnit(size_t sequences) const {
  size_t together = kHeadsTogether;
  while (together > 1 && sequences * DivideUp(dims_.heads, together) < kUnitsOfAWorker * workers_.size()) together /= 2;
  return together;
}

void CacheAttention::AppendAndEvict(const Segment& segment, size_t step, WorkerScratch& scratch) {
  const LayerRule& rule = RuleOf(segment);
  LayerSlots& slots = Slots(segment);
  SlotsView view;
  view.position = segment.first_position() + static_cast<int32_t>(step);
  view.delay = rule.delay;
  if (rule.interaction) {
    const float* q_int = qkv_.row(segment.row + step) + 3 * dims_.width;
    InteractionScores(q_int, slots.pages(), weights_.layers[layer_].beta, scratch.scores.data());
    view.scores = {scratch.scores.data(), slots.size()};
  }
  slots.Append(view.position, ExpiryAtAppend(rule, view.position), Content(segment.row + step));
  if (rule.asks_select) Decide(rule, slots, view, scratch.evictions);
  slots.EvictDue(view.position);
}

// Asks the policy what the token just appended drops, and notes when that is to leave.
void CacheAttention::Decide(const LayerRule& rule, LayerSlots& slots, SlotsView view,
                            std::vector<Eviction>& evictions) {
  view.positions = {slots.positions(), slots.size()};
  view.expires = {slots.expires(), slots.size()};
  if (rule.attention) view.attention = {slots.attention(), slots.size()};
  evictions.clear();
  rule.policy->Select(view, evictions);
  CheckEvictions(*rule.policy, evictions, slots.size());
  for (const Eviction& e : evictions) {
    slots.Expire(e.slot, e.delayed ? view.position + rule.delay : view.position, e.score);
  }
}

void CacheAttention::Attend(const Segment& segment, size_t step, size_t head, size_t count, WorkerScratch& scratch) {
  LayerSlots& slots = Slots(segment);
  const size_t d = dims_.head_dim;
  const size_t row = segment.row + step;
  AttendOne(qkv_.row(row) + head * d, slots.pages(), head, count, scratch.attention.data(), out_.row(row) + head * d,
            RuleOf(segment).attention ? slots.attention() : nullptr);
}

void CacheAttention::RunChunks() {
  Reserve(by_chunk_, std::numeric_limits<size_t>::max());
  pool_.ParallelFor(by_chunk_.size(),
                    [&](size_t i, size_t) { failure_.Catch(i, [&] { AppendChunk(*by_chunk_[i]); }); });
  failure_.Rethrow();
  DecideChunks();
  AttendChunks();
  pool_.ParallelFor(by_chunk_.size(), [&](size_t i, size_t) {
    const Segment& segment = *by_chunk_[i];
    Slots(segment).EvictDue(segment.first_position() + static_cast<int32_t>(segment.tokens.size()) - 1);
  });
}

void CacheAttention::AppendChunk(const Segment& segment) {
  const LayerRule& rule = RuleOf(segment);
  for (size_t i = 0; i < segment.tokens.size(); ++i) {
    const int32_t position = segment.first_position() + static_cast<int32_t>(i);
    Slots(segment).Append(position, ExpiryAtAppend(rule, position), Content(segment.row + i));
  }
}

// For those whose rule is a threshold.
void CacheAttention::DecideChunks() {
  units_.clear();
  for (size_t i = 0; i < by_chunk_.size(); ++i) {
    if (RuleOf(*by_chunk_[i]).chunk != EvictionPolicy::ChunkRule::kThreshold) continue;
    const size_t pages = Slots(*by_chunk_[i]).page_count();
    for (size_t page = 0; page < pages; page += kUnitPages) {
      units_.push_back({i, 0, page, std::min(page + kUnitPages, pages)});
    }
  }
  if (units_.empty()) return;
  pool_.ParallelFor(units_.size(), [&](size_t i, size_t) {
    const ChunkUnit& unit = units_[i];
    const Segment& segment = *by_chunk_[unit.segment];
    ChunkDropArgs args;
    args.q_int = qkv_.Rows(segment.row, segment.tokens.size()).Cols(3 * dims_.width, dims_.int_width);
    args.keys = Slots(segment).pages();
    args.beta = weights_.layers[layer_].beta;
    args.threshold = RuleOf(segment).policy->threshold();
    args.first_position = segment.first_position();
    args.delay = RuleOf(segment).delay;
    args.positions = Slots(segment).positions();
    args.expires = Slots(segment).expires();
    args.drop_scores = Slots(segment).drop_scores();
    DropChunk(args, unit.begin, unit.end);
  });
  for (const Segment* segment : by_chunk_) {
    if (RuleOf(*segment).chunk == EvictionPolicy::ChunkRule::kThreshold) Slots(*segment).ExpiriesWritten();
  }
}

void CacheAttention::AttendChunks() {
  const size_t d = dims_.head_dim;
  units_.clear();
  for (size_t i = 0; i < by_chunk_.size(); ++i) {
    const size_t queries = by_chunk_[i]->tokens.size();
    for (size_t head = 0; head < dims_.heads; ++head) {
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
    args.expires = Slots(segment).expires();
    args.scratch = workers_[worker].attention.data();
    args.out = out_.Rows(segment.row, segment.tokens.size()).Cols(unit.head * d, d);
    AttendChunk(args, unit.begin, unit.end);
  });
}

}  // namespace dcp
