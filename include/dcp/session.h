// Step-wise prefill and decode of a ragged batch of sequences over one model and one KV cache.
//
//   auto model = dcp::Model::Load("models/small");
//   dcp::ThreadPool pool;
//   dcp::Session session(model, pool, {});
//   dcp::SequenceId s = session.Add();
//   dcp::FeedItem prompt{s, prompt_ids};
//   dcp::Logits logits = session.Prefill({&prompt, 1});      // logits.row(0): distribution after the prompt
//   logits = session.Decode({&s, 1}, {&next_id, 1});         // one more token
//   session.Finish(s);                                       // its memory goes back
//
// Exactness (docs/design.md, "What equals what"): what a sequence computes depends on its own tokens alone. Batch mates
// and thread counts change nothing, bit for bit. How a prompt is split into chunks, or between Prefill and Decode, may
// reorder float sums only.
#ifndef DCP_SESSION_H_
#define DCP_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <span>
#include <vector>

#include "dcp/drop_log.h"
#include "dcp/eviction_policy.h"
#include "dcp/export.h"
#include "dcp/kv_cache.h"
#include "dcp/model.h"
#include "dcp/thread_pool.h"
#include "dcp/types.h"

namespace dcp {

// How a session keeps and reads. Fixed for its life.
struct SessionOptions {
  // What leaves the cache; null: learned if the model has interaction tensors, else dense.
  std::shared_ptr<const EvictionPolicy> policy = {};
  // Storage of K and V.
  KvType kv_type = KvType::kF32;
  // Tokens of one sequence that go through the layers together during Prefill; >= 1. What a chunk drops is gone before
  // the next one, so smaller chunks mean a lower peak, larger ones faster prefill.
  int prefill_chunk = 128;
  // Rows (tokens, all sequences together) of one forward pass of Prefill; bounds the scratch memory. Whole chunks are
  // grouped up to it; at least one chunk goes in a pass.
  int max_rows = 256;
  // Record when each token was dropped and with which score (see Drops()). Costs 8 bytes per layer and fed token.
  bool record_drops = false;
};

// Which logits of its tokens an item asks for.
enum class LogitsMode {
  kNone,  // no logits for this item
  kLast,  // one row, after the last token
  kAll,   // one row after each token
};

// Tokens to feed to one sequence. The span must live until the call returns.
struct FeedItem {
  SequenceId sequence = 0;                // of the session
  std::span<const TokenId> tokens = {};   // one or more
  LogitsMode logits = LogitsMode::kLast;  // which rows it wants
};

// Rows of logits [rows, V], in the order of the items (kAll: of their tokens). A view into the Session: dies with its
// next call.
class Logits {
 public:
  Logits() = default;
  // `rows` rows of `vocab` numbers, each `stride` numbers after the one before.
  Logits(const float* data, size_t rows, size_t vocab, size_t stride)
      : data_(data), rows_(rows), vocab_(vocab), stride_(stride) {}

  // Number of rows.
  size_t rows() const { return rows_; }

  // [V]. REQUIRES: i below rows().
  std::span<const float> row(size_t i) const { return {data_ + i * stride_, vocab_}; }

 private:
  const float* data_ = nullptr;
  size_t rows_ = 0;
  size_t vocab_ = 0;
  size_t stride_ = 0;
};

// What one pass of Prefill did for one item.
struct PassPart {
  size_t item = 0;   // index into the items of the call
  size_t begin = 0;  // the item's tokens [begin, end) went through
  size_t end = 0;    // one past the last of them
  Logits
      logits;  // the rows that the item asked for among these tokens: kAll end - begin, kLast one with its last token
};

// Told what a pass did, in the order of the items; those that had no room in the pass are not among `parts`. Returns
// whether to go on.
using PassConsumer = std::function<bool(std::span<const PassPart> parts)>;

// Not thread-safe: one call at a time. `pool` must outlive the Session and be idle during its calls: Prefill and Decode
// throw Error(kInvalidArgument) while another Session's are under way on it, and change nothing then. Methods that take
// a sequence throw Error(kInvalidArgument), which names it, when it is not there.
class DCP_EXPORT Session {
 public:
  // Throws Error(kInvalidArgument) for a null model, options out of range, a policy that needs interaction tensors
  // which the model lacks, or one whose methods contradict each other (eviction_policy.h); Error(kOutOfMemory).
  Session(std::shared_ptr<const Model> model, ThreadPool& pool, const SessionOptions& options = {});
  ~Session();
  // What is left can only be destroyed.
  Session(Session&&) noexcept;

  // Adds an empty sequence; others may be in any state. `policy`: what leaves this sequence's cache, and that of its
  // clones; null: as the session's. Throws Error(kInvalidArgument) for a policy whose methods contradict each other, or
  // that needs what is not kept for the session's: interaction scores, received attention, decided or delayed drops. So
  // under "learned" a sequence may have another threshold, a cap, or be dense. Throws Error(kOutOfMemory); nothing is
  // added then.
  SequenceId Add(std::shared_ptr<const EvictionPolicy> policy = nullptr);

  // Throws what Add would for this policy. May be called by any thread at any time.
  void CheckSequencePolicy(const std::shared_ptr<const EvictionPolicy>& policy) const;

  // Adds a copy of a sequence: same tokens seen, same cache content in the same slots. The two share memory until
  // either changes it, page by page; what they compute is what two sequences fed alike would. Throws
  // Error(kOutOfMemory); nothing is added then.
  SequenceId Clone(SequenceId sequence);

  // Removes a sequence; its pages go back to the pool. Others are not touched.
  void Finish(SequenceId sequence);

  // Feeds each item's tokens, prefill_chunk at a time; no items, nothing is done. Checked before anything is changed:
  // every sequence at most once, one token or more, ids in [0, V) (Error(kInvalidArgument)), and no sequence beyond P
  // positions (Error(kContextFull), which names both numbers). Error(kOutOfMemory), and a policy that throws or breaks
  // its contract, can strike midway: the sequences of the call can then only be finished.
  Logits Prefill(std::span<const FeedItem> items);

  // The same, handing over the logits of each pass when it is through, so that only those of one pass are held: at most
  // max_rows or prefill_chunk rows, whichever is more. In `consumer` the session can be read - its cache is as the pass
  // left it - but not changed; the thread pool is idle. Returns false when the consumer ended it: every sequence then
  // stands after the tokens that went through, and feeding it the rest goes on as if nothing had happened, cut into the
  // same chunks. The same holds when the consumer throws, which passes through.
  bool Prefill(std::span<const FeedItem> items, const PassConsumer& consumer);

  // Feeds one token to each sequence and returns one row of logits for each. The same checks as Prefill, and as many
  // tokens as sequences.
  Logits Decode(std::span<const SequenceId> sequences, std::span<const TokenId> tokens);

  // Positions left before P.
  int Remaining(SequenceId sequence) const;

  // What is held, and where; lives as long as the session.
  const KvCache& cache() const;

  // The model that it was made with.
  const Model& model() const;

  // Of sequences that were added without one. Never null: what stands for a null SessionOptions::policy.
  const EvictionPolicy& policy() const;

  // Of this sequence; lives as long as it.
  const EvictionPolicy& policy(SequenceId sequence) const;

  // As given.
  const SessionOptions& options() const;

  // Tokens between a drop's decision and its effect: the model's eviction_delay where the policy follows it, else 0.
  int eviction_delay() const;

  // Drops of one layer so far; lives as long as the sequence. Throws Error(kInvalidArgument) for a layer that is not
  // there, and where options().record_drops is false.
  const DropLog& Drops(int layer, SequenceId sequence) const;

  // Writes one sequence (cache content, positions, policy state) to a binary stream; Restore adds it back, in this
  // process or another, on the same model, policy needs and KV type, to go on under `policy` as Add takes it. Throws
  // Error(kIo) when the stream fails, Error(kInvalidArgument) when what is read is damaged or belongs to another model;
  // nothing is added then.
  void Save(SequenceId sequence, std::ostream& out) const;
  // Reads what Save has written; see there.
  SequenceId Restore(std::istream& in, std::shared_ptr<const EvictionPolicy> policy = nullptr);

 private:
  struct DCP_HIDDEN Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dcp

#endif  // DCP_SESSION_H_
