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

namespace dcp {

// Position at which a slot that is never evicted expires.
inline constexpr int32_t kNever = std::numeric_limits<int32_t>::max();

// The slots of one (layer, sequence) just after token n was appended. Slots are in no particular order, except that the
// last one is token n itself. All spans are parallel and die with the call.
struct SlotsView {
  int32_t position = 0;                // n, the token being processed
  std::span<const int32_t> positions;  // [kept] position of each slot; positions.back() == n
  std::span<const float> scores;       // [kept - 1] s(n, j) of each earlier slot; empty unless NeedsInteraction()
  std::span<const float> attention;    // [kept] attention received from earlier tokens, summed over heads and tokens;
                                       // empty unless NeedsAttention()
  std::span<const int32_t> expires = {};  // [kept] first token that no longer attends a slot, kNever where no drop is
                                          // decided; what is due (<= n) leaves whatever Select() says. Empty unless
                                          // FollowsDelay() and the model has an eviction delay
};

// One slot to evict. `score` is s(n, j) where the policy has one, NaN otherwise. `delayed`: decided now, to take effect
// ModelConfig::eviction_delay tokens later; for policies that follow the delay.
struct Eviction {
  uint32_t slot = 0;
  float score = std::numeric_limits<float>::quiet_NaN();
  bool delayed = false;
};

// A policy decides for one layer of one sequence at a time and keeps no state of its own: every decision follows from
// what it is shown, so batch mates cannot matter. Implementations must be immutable; methods are called from several
// threads at once.
//
// Order is law: token n is appended, scored, its evictions take effect, and only then does it attend - to itself and to
// what was kept. A token never evicts itself.
//
// A model may have been trained with an eviction delay of W tokens (ModelConfig::eviction_delay). Then what token n
// drops by its score is still attended by n .. n+W-1 and gone from n+W on; the first decision about a token counts,
// later ones change nothing:  n attends j < n  iff  s(m, j) > tau for all m in j+1 .. n-W.
class EvictionPolicy {
 public:
  virtual ~EvictionPolicy() = default;

  // As on the command line: "dense", "learned", "window:256", ...; options that differ from their defaults follow in
  // brackets, e.g. "learned(threshold=0.5,max-kept=100)".
  virtual std::string name() const = 0;

  // Appends to `evictions` (empty on entry) the slots that token n drops, each once, in increasing slot order, never
  // the last slot. Must not throw or keep the views.
  virtual void Select(const SlotsView& slots, std::vector<Eviction>& evictions) const = 0;

  // Select() reads `scores`, i.e. the model must have interaction tensors and the cache must hold k_int.
  virtual bool NeedsInteraction() const { return false; }

  // Select() reads `attention`, i.e. attention weights must be accumulated per slot.
  virtual bool NeedsAttention() const { return false; }

  // Drops wait as the model was trained: Select() gets `expires` where the model has an eviction delay, names each slot
  // once in its life as delayed, and may still evict any slot at once. False: all that Select() names is gone for n
  // itself, whatever the model. Not for kExpiry.
  virtual bool FollowsDelay() const { return false; }

  // How a whole chunk of prompt tokens can be decided at once (the fast path of prefill).
  enum class ChunkRule {
    kTokenByToken,  // only Select() knows: tokens of a chunk are processed one after the other
    kExpiry,        // a token's last reader is known from its position alone: ExpiresAt()
    kThreshold,     // token n drops j when s(n, j) <= threshold(), whatever else is kept; delayed if FollowsDelay()
  };
  virtual ChunkRule chunk_rule() const { return ChunkRule::kTokenByToken; }

  // For kExpiry: the first token that drops the token at `position`, kNever if none.
  virtual int32_t ExpiresAt(int32_t position) const {
    (void)position;
    return kNever;
  }

  // For kThreshold: tau.
  virtual float threshold() const { return 0.0f; }
};

// What a user asks for; see ParsePolicy for the spelling.
struct PolicySpec {
  enum class Kind { kDense, kLearned, kWindow, kSinks, kStrided, kH2O };
  Kind kind = Kind::kDense;
  int window = 0;  // window:N, sinks:S,N, strided:W,S: the last N (W) tokens, the current one included; >= 1
  int sinks = 0;   // sinks:S,N: the first S tokens; >= 0
  int stride = 0;  // strided:W,S: every token whose position is a multiple of S; >= 1
  int budget = 0;  // h2o:N: kept tokens, half of them (rounded up) the most recent, the rest heavy hitters; >= 2
  float threshold = 0.0f;  // learned: tau of s(n, j) <= tau; 0 is the trained decision, larger prunes more
  int max_kept =
      0;  // cap on the kept tokens of every layer, the current one included; 0: no cap. What goes first when the cap
          // is met: learned - the lowest score; h2o - the least attended; else the oldest (sinks last). A hard limit:
          // under an eviction delay, too, what it evicts is gone at once, tokens whose drop is decided before others
};

// Parses "dense", "learned", "window:N", "sinks:S,N", "strided:W,S", "h2o:N". Throws Error(kInvalidArgument) naming the
// text and what was expected.
PolicySpec ParsePolicy(std::string_view text);

// Throws Error(kInvalidArgument) for values out of range (a window of 0, a NaN threshold, ...).
std::shared_ptr<const EvictionPolicy> MakePolicy(const PolicySpec& spec);

}  // namespace dcp

#endif  // DCP_EVICTION_POLICY_H_
