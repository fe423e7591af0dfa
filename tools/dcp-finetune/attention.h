// Causal self-attention of all heads with log I added to the logits, differentiable, without [B, H, T, T] in memory.
#ifndef DCP_TOOLS_DCP_FINETUNE_ATTENTION_H_
#define DCP_TOOLS_DCP_FINETUNE_ATTENTION_H_

#include <torch/types.h>

#include <string>
#include <vector>

#include "dcp/eviction_policy.h"

namespace dcp::finetune {

// qkv [B, T, 3C] as c_attn makes it; log_i [B, T, T] float, -inf above the diagonal, or undefined for dense attention.
// Its gradient is computed only where it needs one. Returns [B, T, C]: softmax(factor q k^T / sqrt(D) + log_i) v, heads
// side by side.
//
// Works on a block of queries at a time against the keys up to its end, which halves the work of a causal mask, and
// computes the weights of a block again in the backward pass: one product more, and nothing of size [B, H, T, T] is
// held.
torch::Tensor CausalAttention(const torch::Tensor& qkv, const torch::Tensor& log_i, int64_t heads, double factor = 1);

// Fixed patterns to train with: "window:N", "sinks:S,N", "strided:W,S", also of layers - "window:128@1-4+window:512"
// (see ParsePolicy). Throws dcp::Error(kInvalidArgument) for others, and for layers that the model does not have.
PolicySpec ParseMask(const std::string& policy, int layers);

// Such a policy for each of so many layers, as [T, T] floats for log_i: 0 where token n (row) attends to token j
// (column), -inf elsewhere; undefined where a layer keeps all. They are made from the policy that inference runs, so
// both agree; layers of one rule share a tensor.
std::vector<torch::Tensor> PolicyMasks(const std::string& policy, int layers, int64_t tokens, torch::Device device);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_ATTENTION_H_
