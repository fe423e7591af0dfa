// AdamW over the flat groups of Parameters, and Muon for the matrices of the blocks.
#ifndef DCP_TOOLS_DCP_FINETUNE_OPTIMISER_H_
#define DCP_TOOLS_DCP_FINETUNE_OPTIMISER_H_

#include <torch/types.h>

#include <cstdint>

#include "dcp-finetune/exchange.h"
#include "dcp-finetune/parameters.h"
#include "dcp-finetune/train_options.h"

namespace dcp::finetune {

// The nearest matrix with all singular values near 1, of a [r, c] matrix that is not zero: five steps of a quintic
// Newton-Schulz iteration, whose singular values end between about 0.7 and 1.2.
torch::Tensor Orthogonalise(const torch::Tensor& matrix);

class Optimiser {
 public:
  // Of several processes each finds a share of Muon's directions. Both references must outlive this.
  Optimiser(Parameters& parameters, const OptimiserOptions& options, Exchange& exchange);

  // One step with the gradients as they are; `share` of the peak learning rate, `step` from 0.
  void Step(int64_t step, double share);

  torch::Tensor& FirstMoment(int group) { return first_[group]; }  // Muon: the momentum
  torch::Tensor& SecondMoment(int group) { return second_[group]; }

 private:
  void AdamWStep(ParameterGroup group, int64_t step, double lr);
  void MuonStep(double lr);

  Parameters* parameters_;
  OptimiserOptions options_;
  Exchange* exchange_;
  torch::Tensor first_[kParameterGroups], second_[kParameterGroups];
};

// Scales the gradients of what is trained so that their L2 norm is at most `limit` (0: no limit); returns the norm.
double ClipGradients(Parameters& parameters, double limit);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_OPTIMISER_H_
