// The part of a decoder layer that touches the cache: append, decide, evict, attend.
#ifndef DCP_MODEL_CACHE_ATTENTION_H_
#define DCP_MODEL_CACHE_ATTENTION_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/first_exception.h"
#include "base/matrix_view.h"
#include "cache/batched_cache.h"
#include "dcp/eviction_policy.h"
#include "dcp/model.h"
#include "dcp/thread_pool.h"
#include "eviction/policy_rules.h"
#include "model/weights.h"

namespace dcp {

// The tokens of one sequence in a forward pass: rows [row, row + tokens.size()) of every activation.
struct Segment {
  CachedSequence* sequence = nullptr;
  std::span<const TokenId> tokens;
  size_t row = 0;

  // Position of the first of the tokens.
  int32_t first_position() const { return sequence->seen; }
};

// Two ways lead to the same kept sets. Token by token (decode; prefill under policies whose decisions depend on
// attention or on each other): every token evicts before it attends, and attention needs no mask. By chunk (prefill
// under policies whose decisions do not): all tokens are appended, all decisions taken at once, attention honours them
// by comparing positions, and what was dropped leaves at the end. Either way slots leave when they are due, by the
// expiry that each carries. Which way a segment goes depends on its own length and the rule of its sequence for the
// layer alone.
class CacheAttention {
 public:
  CacheAttention(const Model& model, BatchedCache& cache, ThreadPool& pool);

  // Takes the segments of a pass. They must stay alive, with their `seen` unchanged, until the pass is over.
  void Begin(std::span<const Segment> segments);

  // One layer. qkv [M, 3C + 2R] as the fused product gives it; out [M, C]. Throws Error(kOutOfMemory), what the policy
  // throws, and Error(kInvalidArgument) when it breaks its contract; the layers of all segments then disagree.
  void Run(size_t layer, ConstMatrix qkv, Matrix out);

 private:
  struct WorkerScratch {
    AlignedBuffer<float> attention;
    AlignedBuffer<float> scores;  // [P]
    std::vector<Eviction> evictions;
  };
  struct ChunkUnit {
    size_t segment, head, begin, end;
  };

  void Sort();
  SlotContent Content(size_t row) const;
  void Reserve(std::span<const Segment* const> segments, size_t tokens);
  void RunTokenStep(size_t step);
  void AppendAndEvict(const Segment& segment, size_t step, WorkerScratch& scratch);
  void Attend(const Segment& segment, size_t step, size_t head, size_t count, WorkerScratch& scratch);
  size_t HeadsOfAUnit(size_t sequences) const;
  void RunChunks();
  void AppendChunk(const Segment& segment);
  void DecideChunks();
  void AttendChunks();
  void Decide(const LayerRule& rule, LayerSlots& slots, SlotsView view, std::vector<Eviction>& evictions);
  const LayerRule& RuleOf(const Segment& segment) const { return segment.sequence->rules->layers[layer_]; }
  LayerSlots& Slots(const Segment& segment) const { return segment.sequence->layers[layer_]; }

  const ModelWeights& weights_;
  const Dimensions& dims_;
  BatchedCache& cache_;
  ThreadPool& pool_;
  std::vector<WorkerScratch> workers_;
  FirstException failure_;  // of the policy, in a parallel region
  std::span<const Segment> segments_;
  // As their rules for the layer want it.
  std::vector<const Segment*> by_token_;
  std::vector<const Segment*> by_chunk_;
  std::vector<const Segment*> active_;  // of by_token_, those with a token in this step
  std::vector<ChunkUnit> units_;
  size_t steps_ = 0;  // longest segment of by_token_
  // The layer at hand.
  size_t layer_ = 0;
  ConstMatrix qkv_;
  Matrix out_;
};

}  // namespace dcp

#endif  // DCP_MODEL_CACHE_ATTENTION_H_
