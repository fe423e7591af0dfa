// What the cache holds, may come to hold, and may hold at most.
#ifndef DCP_RUNTIME_KV_BUDGET_H_
#define DCP_RUNTIME_KV_BUDGET_H_

#include <cstddef>
#include <span>

#include "cache/batched_cache.h"
#include "dcp/session.h"
#include "runtime/running_request.h"
#include "runtime/scheduled_job.h"

namespace dcp {

// Two kinds of answers: bounds, which hold whatever the policy decides and keep a pass within the budget; and
// expectations, from the share of tokens that was kept so far, by which requests are admitted.
class KvBudget {
 public:
  // `bytes` 0: no limit.
  KvBudget(Session& session, size_t bytes);

  BatchedCache& cache() const { return cache_; }
  size_t bytes() const { return bytes_; }

  // Whether a pass over these, which also adds so many sequences, is sure to stay within the budget.
  bool Fits(std::span<const FeedNeed> needs, size_t sequences) const;
  // The same for so many sequences and pages more.
  bool Fits(size_t sequences, size_t pages) const;
  // Bytes that such a pass can come to at most.
  size_t MostBytes(std::span<const FeedNeed> needs, size_t sequences) const;

  // Bytes in use, less what is free in resident pages.
  size_t Used() const;
  // Bytes that so many tokens of a sequence are expected to hold.
  size_t Expected(size_t tokens) const;
  // Bytes by which a job is expected to grow: half of the way to its end, since jobs are at all stages of their ways.
  size_t Growth(const ScheduledJob& job) const;
  // Bytes that a job may want before long: a page in every layer.
  size_t Margin(const ScheduledJob& job) const;

  // Looks at the cache after a pass.
  void Observe();

 private:
  BatchedCache& cache_;
  size_t bytes_;
  size_t layers_;
  int positions_;
  double kept_share_ = 1.0;  // of the tokens seen, as far as is known
};

}  // namespace dcp

#endif  // DCP_RUNTIME_KV_BUDGET_H_
