// What a run leaves on disk: the state it resumes from, and the model that others load.
#ifndef DCP_TOOLS_DCP_FINETUNE_TRAIN_STATE_H_
#define DCP_TOOLS_DCP_FINETUNE_TRAIN_STATE_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "dcp-finetune/model_directory.h"
#include "dcp-finetune/optimiser.h"
#include "dcp-finetune/parameters.h"
#include "dcp/types.h"

namespace dcp::finetune {

inline constexpr char kStateName[] = "train_state.safetensors";
inline constexpr char kGenerationConfigName[] = "generation_config.json";

// One file, replaced whole by a rename: all values and moments in float, and the number of finished steps. Everything
// else of a run - data order, alpha, learning rate - is a function of its options and the step.
void SaveState(const std::filesystem::path& file, int64_t finished_steps, Parameters& parameters, Optimiser& optimiser);

// The number of finished steps. Throws dcp::Error when the file is not the state of such a model.
int64_t CheckState(const std::filesystem::path& file, const ModelConfig& config);

void LoadState(const std::filesystem::path& file, Parameters& parameters, Optimiser& optimiser);

struct ModelToSave {
  std::filesystem::path directory;
  WeightType type = WeightType::kF32;
  bool adapter_only = false;                     // only the interaction tensors; what follows is then empty
  std::string config;                            // a config.json, whose other fields are kept
  std::optional<std::string> generation_config;  // a generation_config.json that goes along
  FileContents tokenizer;
};

// A Hugging Face directory (config.json, model.safetensors, the tokenizer's files) or an adapter directory
// (config.json, adapter.safetensors). Each file appears whole or not at all.
void SaveModel(const ModelToSave& target, const Parameters& parameters);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_TRAIN_STATE_H_
