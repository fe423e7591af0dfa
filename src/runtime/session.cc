#include "dcp/session.h"

#include <algorithm>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "cache/batched_cache.h"
#include "cache/serialize.h"
#include "dcp/error.h"
#include "eviction/policy_contract.h"
#include "eviction/policy_rules.h"
#include "model/decoder.h"
#include "runtime/feed_plan.h"

namespace dcp {
namespace {

std::shared_ptr<const Model> NotNull(std::shared_ptr<const Model> model) {
  if (model == nullptr) throw Error(ErrorCode::kInvalidArgument, "session: model is null, must be a loaded model");
  return model;
}

std::shared_ptr<const EvictionPolicy> PolicyOrDefault(const SessionOptions& options, const Model& model) {
  if (options.policy != nullptr) return options.policy;
  PolicySpec spec;
  spec.kind = model.has_interaction() ? PolicySpec::Kind::kLearned : PolicySpec::Kind::kDense;
  return MakePolicy(spec);
}

CacheShape ShapeOf(const Model& model, const PolicyRules& rules, const SessionOptions& options) {
  const EvictionPolicy& policy = *rules.policy;
  const ModelConfig& config = model.config();
  CacheShape shape;
  shape.layers = config.n_layer;
  shape.positions = config.n_positions;
  shape.page.heads = static_cast<size_t>(config.n_head);
  shape.page.head_dim = static_cast<size_t>(config.head_dim());
  shape.page.int_dim = policy.NeedsInteraction() ? static_cast<size_t>(config.int_n_embd) : 0;
  shape.page.type = options.kv_type;
  shape.tracking.attention = policy.NeedsAttention();
  shape.tracking.scores = rules.AsksSelect();
  shape.tracking.drops = options.record_drops;
  shape.eviction_delay = policy.FollowsDelay() ? config.eviction_delay : 0;
  return shape;
}

// Runs `work`; memory that the system refuses becomes an Error.
template <typename Work>
auto WithMemory(const Work& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kOutOfMemory, "session: the system refused memory");
  }
}

void RequireAtLeastOne(const char* field, int value) {
  if (value >= 1) return;
  throw Error(ErrorCode::kInvalidArgument,
              std::string("session: ") + field + " is " + std::to_string(value) + ", must be at least 1");
}

// Gives the slots of a sequence of `seen` tokens the expiry that follows from their positions. What the policy would
// have dropped before, had it been this one from the beginning, is due with the next token.
void ExpireByPosition(const LayerRule& rule, int32_t seen, LayerSlots& slots) {
  if (rule.chunk != EvictionPolicy::ChunkRule::kExpiry) return;
  for (size_t i = 0; i < slots.size(); ++i) {
    slots.Expire(i, std::max(ExpiryOf(*rule.policy, slots.positions()[i]), seen),
                 std::numeric_limits<float>::quiet_NaN());
  }
}

std::shared_ptr<const PolicyRules> RulesOf(std::shared_ptr<const EvictionPolicy> policy, const ModelConfig& config) {
  return std::make_shared<PolicyRules>(std::move(policy), config.n_layer, config.eviction_delay);
}

// A policy of one sequence needs no more than is kept for that of the session.
void RequireKept(const PolicyRules& rules, const CacheShape& shape, const EvictionPolicy& of_session) {
  const EvictionPolicy& policy = *rules.policy;
  const auto require = [&](bool needed, bool kept, const char* what) {
    if (!needed || kept) return;
    throw Error(ErrorCode::kInvalidArgument, "policy \"" + policy.name() + "\": needs " + what +
                                                 ", of which a session with policy \"" + of_session.name() +
                                                 "\" keeps none");
  };
  require(policy.NeedsInteraction(), shape.page.int_dim > 0, "interaction scores");
  require(policy.NeedsAttention(), shape.tracking.attention, "received attention");
  require(policy.FollowsDelay(), of_session.FollowsDelay(), "drops that wait");
  require(rules.AsksSelect(), shape.tracking.scores, "decided drops");
}

void CheckOptions(const SessionOptions& options, const EvictionPolicy& policy, const Model& model) {
  RequireAtLeastOne("prefill_chunk", options.prefill_chunk);
  RequireAtLeastOne("max_rows", options.max_rows);
  if (policy.NeedsInteraction() && !model.has_interaction()) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "policy \"" + policy.name() +
            "\" needs interaction tensors (config.json \"dcp\"), the model has none: it can run dense or under a "
            "training-free policy, or take an adapter");
  }
}

}  // namespace

struct Session::Impl {
  Impl(std::shared_ptr<const Model> model_in, ThreadPool& pool_in, const SessionOptions& options_in)
      : pool(pool_in),
        model(NotNull(std::move(model_in))),
        options(options_in),
        rules(RulesOf(PolicyOrDefault(options, *model), model->config())),
        cache((CheckOptions(options, *rules->policy, *model), ShapeOf(*model, *rules, options))),
        decoder(*model, cache, rules->policy->NeedsInteraction(), pool),
        logits(static_cast<size_t>(model->config().vocab_size)) {}

  ThreadPool& pool;
  std::shared_ptr<const Model> model;
  SessionOptions options;
  std::shared_ptr<const PolicyRules> rules;  // of sequences that have none of their own
  BatchedCache cache;
  Decoder decoder;
  Activation2D logits;
  FeedPlan plan;  // of the call under way

  void RunPass(Matrix out);
  Logits RunAll(const PassSize& size);
  std::span<const PassPart> RunOne();
  void Plan(std::span<const FeedItem> items);
  std::shared_ptr<const PolicyRules> RulesFor(std::shared_ptr<const EvictionPolicy> policy) const;
  SequenceId Restore(std::istream& in, std::shared_ptr<const EvictionPolicy> policy);
  PassSize prefill_pass() const {
    return {static_cast<size_t>(options.prefill_chunk), static_cast<size_t>(options.max_rows)};
  }
};

std::shared_ptr<const PolicyRules> Session::Impl::RulesFor(std::shared_ptr<const EvictionPolicy> policy) const {
  if (policy == nullptr || policy == rules->policy) return rules;
  std::shared_ptr<const PolicyRules> own = RulesOf(std::move(policy), model->config());
  RequireKept(*own, cache.shape(), *rules->policy);
  return own;
}

SequenceId Session::Impl::Restore(std::istream& in, std::shared_ptr<const EvictionPolicy> policy) {
  CachedSequence& sequence = RestoreSequence(cache, RulesFor(std::move(policy)), model->fingerprint(), in);
  try {
    for (size_t i = 0; i < sequence.layers.size(); ++i) {
      ExpireByPosition(sequence.rules->layers[i], sequence.seen, sequence.layers[i]);
    }
  } catch (...) {
    cache.Remove(sequence.id);
    throw;
  }
  return sequence.id;
}

void Session::Impl::Plan(std::span<const FeedItem> items) {
  plan.Clear();
  for (const FeedItem& item : items) plan.Add(cache.Find(item.sequence), item.tokens, item.logits);
}

// REQUIRES: a lease of the pool.
void Session::Impl::RunPass(Matrix out) {
  for (const Segment& segment : plan.segments()) segment.sequence->broken = true;  // until the pass is through
  decoder.Forward(plan.segments());
  for (const Segment& segment : plan.segments()) {
    segment.sequence->seen += static_cast<int32_t>(segment.tokens.size());
    segment.sequence->broken = false;
  }
  decoder.ComputeLogits(plan.logits_rows(), out);
}

// Logits of all passes in one matrix.
Logits Session::Impl::RunAll(const PassSize& size) {
  plan.Check(model->config());
  const PoolLease lease(pool);
  const size_t rows = plan.PlaceAll();
  logits.Reserve(rows);
  const Matrix out = logits.Rows(rows);
  while (plan.NextPass(size)) RunPass(out);
  cache.Trim();
  return Logits(out.data, rows, out.cols, out.stride);
}

// Logits of the next pass by themselves; nothing when everything was fed.
std::span<const PassPart> Session::Impl::RunOne() {
  const PoolLease lease(pool);
  if (!plan.NextPass(prefill_pass())) return {};
  const size_t rows = plan.logits_rows().size();
  logits.Reserve(rows);
  const Matrix out = logits.Rows(rows);
  RunPass(out);
  cache.Trim();
  return plan.Parts(out);
}

Session::Session(std::shared_ptr<const Model> model, ThreadPool& pool, const SessionOptions& options)
    : impl_(WithMemory([&] { return std::make_unique<Impl>(std::move(model), pool, options); })) {}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

SequenceId Session::Add(std::shared_ptr<const EvictionPolicy> policy) {
  return WithMemory([&] { return impl_->cache.Add(impl_->RulesFor(std::move(policy))).id; });
}

SequenceId Session::Clone(SequenceId sequence) {
  return WithMemory([&] { return impl_->cache.Clone(impl_->cache.Find(sequence)).id; });
}

void Session::Finish(SequenceId sequence) { impl_->cache.Remove(sequence); }

Logits Session::Prefill(std::span<const FeedItem> items) {
  return WithMemory([&] {
    impl_->Plan(items);
    return impl_->RunAll(impl_->prefill_pass());
  });
}

bool Session::Prefill(std::span<const FeedItem> items, const PassConsumer& consumer) {
  if (!consumer) throw Error(ErrorCode::kInvalidArgument, "prefill: consumer is empty, must be a function");
  WithMemory([&] {
    impl_->Plan(items);
    impl_->plan.Check(impl_->model->config());
  });
  const auto run = [&] { return impl_->RunOne(); };
  for (std::span<const PassPart> parts = WithMemory(run); !parts.empty(); parts = WithMemory(run)) {
    if (!consumer(parts)) return false;
  }
  return true;
}

Logits Session::Decode(std::span<const SequenceId> sequences, std::span<const TokenId> tokens) {
  if (sequences.size() != tokens.size()) {
    throw Error(ErrorCode::kInvalidArgument, "decode: " + std::to_string(sequences.size()) + " sequences but " +
                                                 std::to_string(tokens.size()) + " tokens");
  }
  return WithMemory([&] {
    impl_->plan.Clear();
    for (size_t i = 0; i < sequences.size(); ++i) {
      impl_->plan.Add(impl_->cache.Find(sequences[i]), tokens.subspan(i, 1), LogitsMode::kLast);
    }
    return impl_->RunAll({1, std::numeric_limits<size_t>::max()});
  });
}

int Session::Remaining(SequenceId sequence) const {
  return impl_->model->config().n_positions - impl_->cache.Find(sequence).seen;
}

const KvCache& Session::cache() const { return impl_->cache; }
const Model& Session::model() const { return *impl_->model; }
const EvictionPolicy& Session::policy() const { return *impl_->rules->policy; }
const EvictionPolicy& Session::policy(SequenceId sequence) const { return *impl_->cache.Find(sequence).rules->policy; }
const SessionOptions& Session::options() const { return impl_->options; }
int Session::eviction_delay() const { return impl_->cache.shape().eviction_delay; }

const DropLog& Session::Drops(int layer, SequenceId sequence) const {
  const DropLog& log = impl_->cache.Drops(layer, sequence);  // throws when there is no such layer or sequence
  if (!impl_->options.record_drops) {
    throw Error(ErrorCode::kInvalidArgument, "drops: record_drops is false, must be true to ask for them");
  }
  return log;
}

void Session::Save(SequenceId sequence, std::ostream& out) const {
  const CachedSequence& saved = impl_->cache.Find(sequence);
  SaveSequence(impl_->cache, impl_->model->fingerprint(), saved, saved.rules->decides, out);
}

SequenceId Session::Restore(std::istream& in, std::shared_ptr<const EvictionPolicy> policy) {
  return WithMemory([&] { return impl_->Restore(in, std::move(policy)); });
}

void Session::CheckSequencePolicy(const std::shared_ptr<const EvictionPolicy>& policy) const {
  impl_->RulesFor(policy);
}

}  // namespace dcp
