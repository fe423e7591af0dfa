// Probabilities from logits.
#ifndef DCP_RUNTIME_LOG_SOFTMAX_H_
#define DCP_RUNTIME_LOG_SOFTMAX_H_

#include <cstddef>
#include <span>
#include <vector>

#include "dcp/generate.h"
#include "dcp/types.h"

namespace dcp {

// Logarithm of the sum of exp(logits), summed in double precision. The log-probability of a token is its logit less
// this.
double LogSumExp(std::span<const float> logits);

// The ids of the `count` largest logits, the largest first, the lowest id among equals. REQUIRES: count <= size.
std::vector<TokenId> LargestLogits(std::span<const float> logits, size_t count);

// Of a generated token, with its `top` likeliest alternatives.
GeneratedLogprobs LogprobsOf(std::span<const float> logits, TokenId id, int top);

}  // namespace dcp

#endif  // DCP_RUNTIME_LOG_SOFTMAX_H_
