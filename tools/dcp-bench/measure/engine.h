// One way to run the model - policy, weight type, KV type - kept ready to be measured again and again.
#ifndef DCP_TOOLS_DCP_BENCH_MEASURE_ENGINE_H_
#define DCP_TOOLS_DCP_BENCH_MEASURE_ENGINE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dcp-bench/machine/machine.h"
#include "dcp-bench/measure/cost.h"
#include "dcp-bench/result.h"
#include "dcp/model.h"
#include "dcp/session.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {

struct BenchPolicy {
  std::string name;                               // as on the command line, with what differs from the defaults
  Draw drawn;                                     // empty where decisions are the policy's own
  std::shared_ptr<const EvictionPolicy> decode;   // fills the cache and decodes
  std::shared_ptr<const EvictionPolicy> prefill;  // while prefill is timed; may be the same
};

// What one repetition of decode gave.
struct DecodeSample {
  std::vector<double> step_seconds;
  CacheStats cache;                       // of the batch, after the last step
  CacheLoad load;                         // mean of before the first and after the last step
  double sparsity = 0;                    // mean over sequences, at the last fed token
  int64_t peak_rss_bytes = 0;             // of the whole process since the repetition began; 0: not known
  std::optional<AnonymousMemory> memory;  // of the whole process, after the last step
};

// Holds for every context one sequence that has seen so many random tokens. A repetition works on copies of it, so that
// all repetitions begin alike, and cloning is not timed. Not thread-safe.
class Engine {
 public:
  // `pool` must outlive the Engine.
  Engine(std::shared_ptr<const Model> model, BenchPolicy policy, KvType kv, ThreadPool& pool, uint64_t seed);

  // Prepares for these contexts, rising. Call once.
  void Fill(std::span<const int> contexts);

  // `batch` sequences of exactly `context` tokens get `steps` more; logits are computed for all of them, at each step.
  // `round` varies the tokens. REQUIRES: Fill with that context.
  DecodeSample Decode(int batch, int context, int steps, int round);

  // Seconds for a prompt of `tokens` tokens in an empty sequence, logits of the last one.
  double Prefill(int tokens, int round);

  const Model& model() const { return *model_; }
  const BenchPolicy& policy() const { return policy_; }
  KvType kv() const { return kv_; }

  // Bytes that its cache holds between repetitions.
  size_t cache_bytes() const { return session_.cache().Stats().reserved_bytes; }

 private:
  std::vector<TokenId> RandomIds(uint64_t stream, size_t count) const;
  Session& prefill_session() { return prefill_session_ ? *prefill_session_ : session_; }
  CacheStats StatsOfBatch(std::span<const SequenceId> batch) const;

  std::shared_ptr<const Model> model_;
  BenchPolicy policy_;
  KvType kv_;
  uint64_t seed_;
  Session session_;
  std::unique_ptr<Session> prefill_session_;  // where the policy of prefill is another one
  std::map<int, std::string> bases_;          // saved sequences, by context
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_MEASURE_ENGINE_H_
