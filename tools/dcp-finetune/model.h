// GPT-2 with soft (or hard) context pruning, as a differentiable function of its parameters.
#ifndef DCP_TOOLS_DCP_FINETUNE_MODEL_H_
#define DCP_TOOLS_DCP_FINETUNE_MODEL_H_

#include <torch/types.h>

#include <span>
#include <vector>

#include "dcp-finetune/parameters.h"
#include "dcp-finetune/sigmoid_table.h"

namespace dcp::finetune {

struct ForwardOptions {
  const SigmoidTable* sigmoid = nullptr;  // null: dense, the interaction tensors are not read
  // [L] of [T', T'], T' >= T, for attention without interaction: PolicyMasks(). Empty, or undefined in a layer: causal.
  std::span<const torch::Tensor> masks;
  torch::ScalarType compute = torch::kFloat;  // kBFloat16: type of the large products; sums, norms, softmax and the
                                              // interaction scores are float whatever it is
};

struct ForwardResult {
  torch::Tensor hidden;             // [B, T, C] after the final norm
  std::vector<torch::Tensor> kept;  // [L] of [B, T]: sum over j < k of I(k, j); empty when dense
};

// ids [B, T] long, T <= P.
ForwardResult Forward(const Parameters& parameters, const torch::Tensor& ids, const ForwardOptions& options);

// R_sparse: mean of I(k, j) over layers, sequences and pairs j < k. REQUIRES: kept is not empty, T > 1.
torch::Tensor SparsityLoss(const std::vector<torch::Tensor>& kept);

// The term of the loss: gamma R_sparse, where gamma may differ from layer to layer - sum over layers of gamma_l times
// the mean of I(k, j) there, over L. One gamma counts for all. REQUIRES: the like, and 1 or L gammas.
torch::Tensor WeightedSparsityLoss(const std::vector<torch::Tensor>& kept, std::span<const double> gamma);

// The published code's form of it: mean over layers, sequences, queries 0 .. T-2 and all T keys, where j >= k counts 1.
torch::Tensor FullSquareInteraction(const std::vector<torch::Tensor>& kept);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_MODEL_H_
