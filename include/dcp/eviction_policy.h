// What leaves the KV cache, and when: one interface for the learned decisions and for every training-free policy.
#ifndef DCP_EVICTION_POLICY_H_
#define DCP_EVICTION_POLICY_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dcp/export.h"
#include "dcp/types.h"

namespace dcp {

// The slots of one (layer, sequence) just after token n was appended. Slots are in no particular order, except that the
// last one is token n itself. All spans are parallel and die with the call.
struct SlotsView {
  int32_t position = 0;                // n, the token being processed
  std::span<const int32_t> positions;  // [kept] position of each slot; positions.back() == n
  std::span<const float> scores;       // [kept - 1] s(n, j) of each earlier slot; empty unless NeedsInteraction()
  std::span<const float> attention;    // [kept] attention received from earlier tokens, summed over heads and tokens;
                                       // empty unless NeedsAttention()
  // [kept] first token that no longer attends a slot, kNever where no drop is decided. What is due (<= n) leaves
  // whatever Select() says.
  std::span<const int32_t> expires = {};
  int32_t delay = 0;  // W of a policy that follows the delay of the model, else 0
};

// One slot to evict. `score` is s(n, j) where the policy has one, NaN otherwise. `delayed`: decided now, to take effect
// `SlotsView::delay` tokens later - where that is 0, now; otherwise gone for n itself.
struct Eviction {
  uint32_t slot = 0;                                      // index into the spans of SlotsView
  float score = std::numeric_limits<float>::quiet_NaN();  // s(n, j), for DropLog
  bool delayed = false;                                   // takes effect later
};

// A policy decides for one layer of one sequence at a time and keeps no state of its own: every decision follows from
// what it is shown, so batch mates cannot matter. Implementations must be immutable; methods are called from several
// threads at once.
//
// Order is law: token n is appended, scored, its evictions take effect, and only then does it attend - to itself and to
// what was kept. A token never evicts itself.
//
// A model may have been trained with an eviction delay of W tokens (ModelConfig::eviction_delay); no delay is a delay
// of 0. Then what token n drops by its score is still attended by n .. n+W-1 and gone from n+W on; the first decision
// about a token counts, later ones change nothing:  n attends j < n  iff  s(m, j) > tau for all m in j+1 .. n-W.
//
// A policy whose methods contradict each other, or that names slots it must not, is an Error(kInvalidArgument): from
// the constructor of Session, or from the call that fed the token.
class DCP_EXPORT EvictionPolicy {
 public:
  virtual ~EvictionPolicy();

  // As on the command line: "dense", "learned", "window:256", ...; options that differ from their defaults follow in
  // brackets, e.g. "learned(threshold=0.5,max-kept=100)".
  virtual std::string name() const = 0;

  // Appends to `evictions` (empty on entry) the slots that token n drops, each once, in increasing slot order, never
  // the last slot. Of several decisions about a slot the one that takes effect first counts. Must not keep the views.
  // Under kExpiry it is not called unless NeedsInteraction().
  virtual void Select(const SlotsView& slots, std::vector<Eviction>& evictions) const = 0;

  // Select() reads `scores`, i.e. the model must have interaction tensors and the cache must hold k_int.
  virtual bool NeedsInteraction() const { return false; }

  // Select() reads `attention`, i.e. attention weights must be accumulated per slot. For kTokenByToken only: a chunk
  // does not accumulate them.
  virtual bool NeedsAttention() const { return false; }

  // Drops wait as the model was trained: `SlotsView::delay` is the model's eviction delay, and Select() names as
  // delayed what is to wait. Not for kExpiry.
  virtual bool FollowsDelay() const { return false; }

  // How a whole chunk of prompt tokens can be decided at once (the fast path of prefill).
  enum class ChunkRule {
    kTokenByToken,  // only Select() knows: tokens of a chunk are processed one after the other
    kExpiry,        // a token's last reader is known from its position alone: ExpiresAt()
    kThreshold,     // token n drops j when s(n, j) <= threshold(), whatever else is kept; delayed if FollowsDelay().
                    // Needs NeedsInteraction()
  };
  // Which of them holds for this policy.
  virtual ChunkRule chunk_rule() const { return ChunkRule::kTokenByToken; }

  // For kExpiry: the first token that drops the token at `position`, a later one; kNever if none.
  virtual int32_t ExpiresAt(int32_t position) const {
    (void)position;
    return kNever;
  }

  // For kThreshold: tau.
  virtual float threshold() const { return 0.0f; }

  // The policy of one layer, 0 .. L-1, where layers differ; it lives as long as this one. What it needs - interaction,
  // attention, the delay - this one must say that it needs; its chunk rule is its own.
  virtual const EvictionPolicy& ForLayer(int layer) const {
    (void)layer;
    return *this;
  }

  // The least number of layers of a model that it is for: 1 more than the highest that it names.
  virtual int LeastLayers() const { return 1; }
};

// Layers first .. last, counted from 0.
struct LayerRange {
  int first = 0;  // 0 .. L-1
  int last = 0;   // not below first
};

// What a user asks for; see ParsePolicy for the spelling.
struct PolicySpec {
  // What a rule goes by: nothing, the model's decisions, the last tokens, these and the first, these and every so
  // manyth, received attention.
  enum class Kind { kDense, kLearned, kWindow, kSinks, kStrided, kH2O };
  Kind kind = Kind::kDense;  // which of the numbers below count
  int window = 0;            // window:N, sinks:S,N, strided:W,S: the last N (W) tokens, the current one included; >= 1
  int sinks = 0;             // sinks:S,N: the first S tokens; >= 0
  int stride = 0;            // strided:W,S: every token whose position is a multiple of S; >= 1
  int budget = 0;  // h2o:N: kept tokens, half of them (rounded up) the most recent, the rest heavy hitters; >= 2
  float threshold = 0.0f;  // learned: tau of s(n, j) <= tau; 0 is the trained decision, larger prunes more
  // Cap on the kept tokens of every layer, the current one included; 0: no cap. What goes first when the cap is met:
  // learned - the lowest score; h2o - the least attended; else the oldest (sinks last). A hard limit: under an eviction
  // delay, too, what it evicts is gone at once, tokens whose drop is decided before others.
  int max_kept = 0;

  // Numbers of tokens as shares of the context, in per cent, above 0 to 100; 0: the number above counts.
  struct Shares {
    double window = 0;  // in place of `window`
    double sinks = 0;   // in place of `sinks`
    double budget = 0;  // in place of `budget`
  };
  Shares shares = {};  // what MakePolicy turns into tokens

  // The layers that the rule above is for, and the rules of others. Without layers a rule is for all that no rule
  // names; where there is no such rule, these keep everything. Threshold and cap are those of the first for all.
  std::vector<LayerRange> layers = {};
  std::vector<PolicySpec> others = {};  // without others of their own

  // Whether one of the rules is of that kind.
  DCP_EXPORT bool Has(Kind which) const;
};

// Parses "dense", "learned", "window:N", "sinks:S,N", "strided:W,S", "h2o:N". N and W may be a share of the context,
// "20%", and S of sinks too. "@" and layers limit a rule to them - "window:128@1-4", "window:512@0,5" - and "+" joins
// rules: "window:128@1-4+window:512". Throws Error(kInvalidArgument) naming the text and what was expected.
DCP_EXPORT PolicySpec ParsePolicy(std::string_view text);

// `context`: tokens that shares are shares of - the model's positions, or fewer where fewer are read. They are rounded
// to whole tokens, to at least as many as the rule needs. Throws Error(kInvalidArgument) for values out of range (a
// window of 0, a NaN threshold, a share where the context is 0, a layer with two rules, ...). Never null.
DCP_EXPORT std::shared_ptr<const EvictionPolicy> MakePolicy(const PolicySpec& spec, int context = 0);

}  // namespace dcp

#endif  // DCP_EVICTION_POLICY_H_
