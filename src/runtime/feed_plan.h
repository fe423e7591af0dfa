// Cuts what a call feeds into forward passes.
#ifndef DCP_RUNTIME_FEED_PLAN_H_
#define DCP_RUNTIME_FEED_PLAN_H_

#include <cstddef>
#include <span>
#include <vector>

#include "cache/batched_cache.h"
#include "dcp/model_config.h"
#include "dcp/session.h"
#include "model/decoder.h"

namespace dcp {

// How large a pass is.
struct PassSize {
  size_t chunk = 0;     // tokens of one sequence
  size_t max_rows = 0;  // tokens of all sequences together; at least one chunk goes in a pass
};

// Where chunks end depends on a sequence's own tokens alone; what shares a pass with it does not matter. Keeps its
// memory between calls, so that decoding does not allocate.
class FeedPlan {
 public:
  void Clear();
  void Add(CachedSequence& sequence, std::span<const TokenId> tokens, LogitsMode mode);

  // Everything that the caller can get wrong: throws what Session::Prefill says, with nothing changed.
  void Check(const ModelConfig& config) const;

  // Gives the items rows of one output for the whole call, in their order; returns the number of rows.
  size_t PlaceAll();

  // Plans the next pass; false when everything was fed. Logits go where PlaceAll() said, or to NextPass's own rows
  // 0, 1, ... when it was not called.
  bool NextPass(const PassSize& size);

  std::span<const Segment> segments() const { return segments_; }
  std::span<const LogitsRow> logits_rows() const { return logits_rows_; }

  // What the pass did, with its rows of `logits`. Only for plans without PlaceAll(). Dies with the next pass.
  std::span<const PassPart> Parts(ConstMatrix logits);

 private:
  struct Item {
    CachedSequence* sequence;
    std::span<const TokenId> tokens;
    LogitsMode mode;
    size_t fed;         // tokens planned so far
    size_t logits_row;  // where its next row of logits goes
  };

  void CheckItem(const Item& item, const ModelConfig& config) const;
  void PlanItem(size_t index, size_t row, size_t count);

  std::vector<Item> items_;
  std::vector<Segment> segments_;
  std::vector<LogitsRow> logits_rows_;
  std::vector<PassPart> parts_;  // one per segment
  bool placed_ = false;
};

}  // namespace dcp

#endif  // DCP_RUNTIME_FEED_PLAN_H_
