// Losses and gradient norms of a golden file's training batch, through the trainer's own code path.
#ifndef DCP_TOOLS_DCP_FINETUNE_CHECK_GRADIENTS_H_
#define DCP_TOOLS_DCP_FINETUNE_CHECK_GRADIENTS_H_

#include <torch/types.h>

#include <filesystem>

#include "common/json.h"

namespace dcp::finetune {

// For each alpha of golden.json's `training`, the mean cross-entropy, the mean interaction in the published code's
// form, and the L2 norm of every parameter's gradient of their sum, the latter weighted by the entry's gamma:
// [{"alpha", "lm_loss", "mean_interaction_full_square", "grad_l2": {name: x}}, ..]. Throws dcp::Error.
//
// Golden files carry the rounding of the float bisection they were made with: up to 1e-4 of a loss at alpha = 1.000001,
// several per cent of some gradients at 4 and more at 8, below 1e-6 at 1.5 and 2. Like is therefore compared with like:
// the sigmoid alone is evaluated by that bisection (see SigmoidTable), everything else is what training runs. `exact`
// takes training's own sigmoid.
tools::Json CheckGradients(const std::filesystem::path& base, const std::filesystem::path& golden, bool exact,
                           torch::Device device);

// The largest relative differences between two reports.
struct GradientDifference {
  double loss = 0;      // of lm_loss and mean_interaction_full_square
  double gradient = 0;  // of the norms
};
GradientDifference Compare(const tools::Json& report, const tools::Json& expected);

// Between a report and the golden file's own values.
GradientDifference CompareWithGolden(const tools::Json& report, const std::filesystem::path& golden);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_CHECK_GRADIENTS_H_
