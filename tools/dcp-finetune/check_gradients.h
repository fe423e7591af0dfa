// Losses and gradient norms of a golden file's training batch, through the trainer's own code path.
#ifndef DCP_TOOLS_DCP_FINETUNE_CHECK_GRADIENTS_H_
#define DCP_TOOLS_DCP_FINETUNE_CHECK_GRADIENTS_H_

#include <filesystem>

#include "common/json.h"

namespace dcp::finetune {

struct GradientCheck {
  // For each alpha of golden.json's `training`, the mean cross-entropy, the mean interaction in the published code's
  // form, and the L2 norm of every parameter's gradient of their sum, the latter weighted by the entry's gamma:
  // [{"alpha", "lm_loss", "mean_interaction_full_square", "grad_l2": {name: x}}, ..].
  tools::Json report;
  double loss = 0;      // largest relative difference of the two losses from the golden file's
  double gradient = 0;  // of the norms
};

// On the CPU. Throws dcp::Error, also for golden files of the old form, whose training values are in float: they carry
// the rounding of the bisection they were made with, up to 1e-4 of a loss and more than all of some gradients at
// alpha 8.
GradientCheck CheckGradients(const std::filesystem::path& base, const std::filesystem::path& golden);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_CHECK_GRADIENTS_H_
