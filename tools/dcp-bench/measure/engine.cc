#include "dcp-bench/measure/engine.h"

#include <sstream>
#include <utility>

#include "common/measure.h"
#include "dcp-bench/machine/machine.h"
#include "dcp/sampler.h"

namespace dcp::tools {
namespace {

// Streams of random ids.
constexpr uint64_t kFillStream = 0;
constexpr uint64_t kPrefillStream = 1;
constexpr uint64_t kDecodeStream = 2;

SessionOptions MakeOptions(std::shared_ptr<const EvictionPolicy> policy, KvType kv) {
  SessionOptions options;
  options.policy = std::move(policy);
  options.kv_type = kv;
  return options;
}

// Sequences with the content of a saved one and memory of their own: clones would share it, and a batch that reads the
// same pages over and over is faster than any real one. Finishes them also when a step throws.
class Copies {
 public:
  Copies(Session& session, const std::string& saved, int count) : session_(session) {
    std::istringstream in(saved);
    for (int i = 0; i < count; ++i) {
      in.seekg(0);
      ids_.push_back(session_.Restore(in));
    }
  }
  ~Copies() {
    for (const SequenceId id : ids_) session_.Finish(id);
  }
  Copies(const Copies&) = delete;
  Copies& operator=(const Copies&) = delete;

  std::span<const SequenceId> ids() const { return ids_; }

 private:
  Session& session_;
  std::vector<SequenceId> ids_;
};

}  // namespace

Engine::Engine(std::shared_ptr<const Model> model, BenchPolicy policy, KvType kv, ThreadPool& pool, uint64_t seed)
    : model_(std::move(model)),
      policy_(std::move(policy)),
      kv_(kv),
      seed_(seed),
      session_(model_, pool, MakeOptions(policy_.decode, kv)) {
  if (policy_.prefill == policy_.decode) return;
  prefill_session_ = std::make_unique<Session>(model_, pool, MakeOptions(policy_.prefill, kv));
}

std::vector<TokenId> Engine::RandomIds(uint64_t stream, size_t count) const {
  const double vocabulary = model_->config().vocab_size;
  std::vector<TokenId> ids;
  for (size_t i = 0; i < count; ++i) {
    ids.push_back(static_cast<TokenId>(CounterUniform(seed_, stream, i) * vocabulary));
  }
  return ids;
}

void Engine::Fill(std::span<const int> contexts) {
  const std::vector<TokenId> ids = RandomIds(kFillStream, static_cast<size_t>(contexts.back()));
  const SequenceId sequence = session_.Add();
  size_t fed = 0;
  for (const int context : contexts) {
    const FeedItem rest{sequence, std::span(ids).subspan(fed, static_cast<size_t>(context) - fed), LogitsMode::kNone};
    session_.Prefill({&rest, 1});
    fed = static_cast<size_t>(context);
    std::ostringstream out;
    session_.Save(sequence, out);
    bases_[context] = std::move(out).str();
  }
  session_.Finish(sequence);
}

CacheStats Engine::StatsOfBatch(std::span<const SequenceId> batch) const {
  CacheStats sum;
  for (const SequenceId id : batch) {
    const CacheStats stats = session_.cache().Stats(id);
    sum.seen_tokens += stats.seen_tokens;
    sum.kept_slots += stats.kept_slots;
    sum.live_bytes += stats.live_bytes;
    sum.dense_bytes += stats.dense_bytes;
  }
  sum.reserved_bytes = session_.cache().Stats().reserved_bytes;
  return sum;
}

DecodeSample Engine::Decode(int batch, int context, int steps, int round) {
  const auto rows = static_cast<size_t>(batch);
  const std::vector<TokenId> ids =
      RandomIds(kDecodeStream + static_cast<uint64_t>(round), rows * static_cast<size_t>(steps));
  DecodeSample sample;
  const Copies copies(session_, bases_.at(context), batch);
  const bool peak_known = ResetPeakRss();  // what making the copies took is not decoding's
  const CacheStats start = StatsOfBatch(copies.ids());
  for (int step = 0; step < steps; ++step) {
    const double begin = SecondsNow();
    session_.Decode(copies.ids(), std::span(ids).subspan(static_cast<size_t>(step) * rows, rows));
    sample.step_seconds.push_back(SecondsNow() - begin);
  }
  sample.cache = StatsOfBatch(copies.ids());
  sample.load.kept_slots = 0.5 * static_cast<double>(start.kept_slots + sample.cache.kept_slots);
  sample.load.live_bytes = 0.5 * static_cast<double>(start.live_bytes + sample.cache.live_bytes);
  for (const SequenceId id : copies.ids()) sample.sparsity += session_.cache().Sparsity(id) / batch;
  sample.memory = ReadAnonymousMemory();
  if (peak_known) sample.peak_rss_bytes = PeakRssBytes();
  return sample;
}

double Engine::Prefill(int tokens, int round) {
  const std::vector<TokenId> ids =
      RandomIds(kPrefillStream + (static_cast<uint64_t>(round) << 32), static_cast<size_t>(tokens));
  Session& session = prefill_session();
  const SequenceId sequence = session.Add();
  const FeedItem prompt{sequence, ids, LogitsMode::kLast};
  const double begin = SecondsNow();
  session.Prefill({&prompt, 1});
  const double seconds = SecondsNow() - begin;
  session.Finish(sequence);
  return seconds;
}

}  // namespace dcp::tools
