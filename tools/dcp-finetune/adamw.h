// AdamW over the flat groups of Parameters.
#ifndef DCP_TOOLS_DCP_FINETUNE_ADAMW_H_
#define DCP_TOOLS_DCP_FINETUNE_ADAMW_H_

#include <torch/types.h>

#include <cstdint>

#include "dcp-finetune/parameters.h"

namespace dcp::finetune {

struct AdamWOptions {
  double lr = 1e-4;      // of the base
  double int_lr = 1e-4;  // of the interaction tensors
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;  // of the base's matrices, times their learning rate
};

class AdamW {
 public:
  AdamW(Parameters& parameters, const AdamWOptions& options);

  // One step with the gradients as they are; `share` of the peak learning rate, `step` from 0.
  void Step(int64_t step, double share);

  torch::Tensor& FirstMoment(int group) { return first_[group]; }
  torch::Tensor& SecondMoment(int group) { return second_[group]; }

 private:
  Parameters* parameters_;
  AdamWOptions options_;
  torch::Tensor first_[kParameterGroups], second_[kParameterGroups];
};

// Scales the gradients of what is trained so that their L2 norm is at most `limit` (0: no limit); returns the norm.
double ClipGradients(Parameters& parameters, double limit);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_ADAMW_H_
