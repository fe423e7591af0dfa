// Soft pruning: from interaction projections to log I, differentiable.
#ifndef DCP_TOOLS_DCP_FINETUNE_SOFT_PRUNING_H_
#define DCP_TOOLS_DCP_FINETUNE_SOFT_PRUNING_H_

#include <torch/types.h>

#include "dcp-finetune/sigmoid_table.h"

namespace dcp::finetune {

struct Interaction {
  // [B, T, T] log I(k, j) = sum over n in (j, k - W] of log sigma(s(n, j)) with the eviction delay W; 0 at
  // k - W <= j <= k, -inf at j > k and where a sigma is 0. One for all heads.
  torch::Tensor log_i;
  // [B, T] sum over j < k of I(k, j): what token k still sees of its past, in tokens.
  torch::Tensor kept;
};

// q_int, k_int [B, T, R] float, beta [1]; s(n, j) = q_int(n) . k_int(j) / sqrt(R) + beta.
//
// The gradient is exact also where I is 0: with G(k, j) = dL/dlog_i + dL/dkept * I, the score s(n, j) gets
// (dlog sigma/ds)(n, j) * sum over k >= n + W of G(k, j), and both factors vanish wherever sigma does. Only the slope
// is kept for the backward pass, besides log_i itself.
//
// `delay`: W, how many tokens after its decision a drop takes effect; 0 is the paper's method.
Interaction ComputeInteraction(const torch::Tensor& q_int, const torch::Tensor& k_int, const torch::Tensor& beta,
                               const SigmoidTable& sigmoid, int64_t delay = 0);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_SOFT_PRUNING_H_
