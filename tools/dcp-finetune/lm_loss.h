// The language-model head and its loss in one, so that the [tokens, V] logits are never held as a whole.
#ifndef DCP_TOOLS_DCP_FINETUNE_LM_LOSS_H_
#define DCP_TOOLS_DCP_FINETUNE_LM_LOSS_H_

#include <torch/types.h>

namespace dcp::finetune {

// Targets that do not count.
inline constexpr int64_t kIgnoredTarget = -1;

// Another model's final hidden states and output embedding, to learn from besides the data; undefined: none.
struct Teacher {
  torch::Tensor hidden;  // [N, C']
  torch::Tensor wte;     // [V, C']
  double share = 1;      // of the loss, see below; in [0, 1]
};

// hidden [N, C], wte [V, C], targets [N] long. Mean over the counted tokens of the cross-entropy, or, with a teacher,
// of share * KL(teacher || model) + (1 - share) * cross-entropy. `compute` is the type of the products; sums and
// softmax are float.
//
// Goes through the tokens a few hundred at a time and leaves the gradients ready while the logits are at hand.
torch::Tensor LmLoss(const torch::Tensor& hidden, const torch::Tensor& wte, const torch::Tensor& targets,
                     const Teacher& teacher, torch::ScalarType compute);

// NLL of each target [N] float, no gradient; 0 where ignored.
torch::Tensor TokenNll(const torch::Tensor& hidden, const torch::Tensor& wte, const torch::Tensor& targets,
                       torch::ScalarType compute);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_LM_LOSS_H_
