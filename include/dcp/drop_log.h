// The history of evictions of one layer of one sequence.
#ifndef DCP_DROP_LOG_H_
#define DCP_DROP_LOG_H_

#include <cstdint>
#include <vector>

namespace dcp {

// When each fed token was dropped from one layer. Without an eviction delay (Session::eviction_delay() is 0),
// dropped_at is the position of the token that dropped it. With a delay of W, that token is dropped_at - W - except
// where score is NaN: then max_kept evicted it, at once and at the word of dropped_at itself. Decisions that have not
// taken effect yet are not in the log.
struct DropLog {
  std::vector<int32_t> dropped_at;  // [seen] first position that no longer attends the token, -1: still kept
  std::vector<float> score;  // [seen] s(n, j) when n decided; NaN where the policy has no score, or never dropped
};

}  // namespace dcp

#endif  // DCP_DROP_LOG_H_
