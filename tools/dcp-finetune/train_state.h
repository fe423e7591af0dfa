// The state from which a run resumes.
#ifndef DCP_TOOLS_DCP_FINETUNE_TRAIN_STATE_H_
#define DCP_TOOLS_DCP_FINETUNE_TRAIN_STATE_H_

#include <cstdint>
#include <filesystem>

#include "dcp-finetune/optimiser.h"
#include "dcp-finetune/parameters.h"

namespace dcp::finetune {

inline constexpr char kStateName[] = "train_state.safetensors";

// One file, replaced whole by a rename: all values and moments in float, and the number of finished steps. Everything
// else of a run - data order, alpha, learning rate - is a function of its options and the step.
void SaveState(const std::filesystem::path& file, int64_t finished_steps, Parameters& parameters, Optimiser& optimiser);

// The number of finished steps. Throws dcp::Error when the file is not the state of such a model.
int64_t CheckState(const std::filesystem::path& file, const ModelConfig& config);

void LoadState(const std::filesystem::path& file, Parameters& parameters, Optimiser& optimiser);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_TRAIN_STATE_H_
