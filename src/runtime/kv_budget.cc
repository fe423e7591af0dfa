#include "runtime/kv_budget.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "dcp/error.h"
#include "eviction/policy_rules.h"

namespace dcp {
namespace {

// How fast the expectation follows what is seen.
constexpr double kNew = 0.1;

// A Session's cache is a BatchedCache, and who may change the session may change it.
BatchedCache& CacheOf(Session& session) {
  return const_cast<BatchedCache&>(static_cast<const BatchedCache&>(session.cache()));
}

}  // namespace

KvBudget::KvBudget(Session& session, size_t bytes)
    : cache_(CacheOf(session)),
      bytes_(bytes),
      layers_(static_cast<size_t>(session.model().config().n_layer)),
      positions_(session.model().config().n_positions) {
  const size_t least = cache_.BytesWith(1, layers_);
  if (bytes_ > 0 && bytes_ < least) {
    throw Error(ErrorCode::kInvalidArgument, "kv_budget_bytes: " + std::to_string(bytes_) +
                                                 " is less than one sequence of this model needs at least, " +
                                                 std::to_string(least) + " bytes");
  }
}

size_t KvBudget::MostBytes(std::span<const FeedNeed> needs, size_t sequences) const {
  size_t pages = 0;
  for (const FeedNeed& need : needs) {
    if (need.fresh) {
      ++sequences;  // added before the old one goes
      pages += layers_ * DivideUp(need.tokens, static_cast<size_t>(kSlotsPerPage));
    } else {
      pages += cache_.MostNewPages(need.sequence, need.tokens, cache_.Find(need.sequence).rules->decides);
    }
  }
  return cache_.BytesWith(sequences, pages);
}

bool KvBudget::Fits(std::span<const FeedNeed> needs, size_t sequences) const {
  return bytes_ == 0 || MostBytes(needs, sequences) <= bytes_;
}

bool KvBudget::Fits(size_t sequences, size_t pages) const {
  return bytes_ == 0 || cache_.BytesWith(sequences, pages) <= bytes_;
}

size_t KvBudget::Used() const {
  const size_t sequences = cache_.BytesWith(0, 0) - cache_.pool().reserved_bytes();
  return sequences + cache_.pool().pages_in_use() * cache_.pool().page_bytes();
}

size_t KvBudget::Expected(size_t tokens) const {
  const auto kept = static_cast<size_t>(std::ceil(kept_share_ * static_cast<double>(tokens)));
  return layers_ * DivideUp(kept, static_cast<size_t>(kSlotsPerPage)) * cache_.pool().page_bytes();
}

size_t KvBudget::Growth(const ScheduledJob& job) const {
  const size_t prompt = job.prompt().size();
  const GenerateOptions& options = job.request().options;
  size_t most = static_cast<size_t>(options.max_new_tokens);
  for (const auto& ids : options.continuations) most = std::max(most, ids.size());
  const size_t end = std::min(prompt + most, static_cast<size_t>(positions_));
  const size_t now = std::min(end, job.running() != nullptr ? prompt + job.generated() / job.width() : prompt);
  size_t growth = job.width() * (Expected(end) - Expected(now)) / 2;
  if (job.running() != nullptr) return growth;
  return growth + Expected(prompt) - Expected(job.read()) +
         (job.width() - (job.admitted() ? 1 : 0)) * cache_.sequence_bytes();
}

size_t KvBudget::Margin(const ScheduledJob& job) const {
  const double pages = kept_share_ * static_cast<double>(layers_ * job.width());
  return static_cast<size_t>(pages) * cache_.pool().page_bytes();
}

void KvBudget::Observe() {
  const CacheStats stats = cache_.Stats();
  if (stats.seen_tokens > 0) {
    const double share =
        static_cast<double>(stats.kept_slots) / static_cast<double>(stats.seen_tokens * static_cast<int64_t>(layers_));
    kept_share_ += kNew * (share - kept_share_);
  }
}

}  // namespace dcp
