// What a run leaves on disk: the state it resumes from, and the model that others load.
#ifndef DCP_TOOLS_DCP_FINETUNE_TRAIN_STATE_H_
#define DCP_TOOLS_DCP_FINETUNE_TRAIN_STATE_H_

#include <cstdint>
#include <filesystem>
#include <string>

#include "dcp-finetune/optimiser.h"
#include "dcp-finetune/parameters.h"
#include "dcp/types.h"

namespace dcp::finetune {

// One file, replaced whole by a rename: all values and moments in float, and the number of finished steps. Everything
// else of a run - data order, alpha, learning rate - is a function of its options and the step.
void SaveState(const std::filesystem::path& file, int64_t finished_steps, Parameters& parameters, Optimiser& optimiser);

// The number of finished steps. Throws dcp::Error when the file is not the state of such a model.
int64_t CheckState(const std::filesystem::path& file, const ModelConfig& config);

void LoadState(const std::filesystem::path& file, Parameters& parameters, Optimiser& optimiser);

struct ModelToSave {
  std::filesystem::path directory;
  std::filesystem::path source;     // config.json, whose other fields are kept; also a directory with tokenizer files
  std::filesystem::path tokenizer;  // directory of vocab.json and merges.txt to copy; empty: none
  WeightType type = WeightType::kF32;
  bool adapter_only = false;  // only the interaction tensors, as an adapter directory
};

// A Hugging Face directory (config.json, model.safetensors, vocab.json, merges.txt) or an adapter directory
// (config.json, adapter.safetensors). Each file appears whole or not at all.
void SaveModel(const ModelToSave& target, const Parameters& parameters);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_TRAIN_STATE_H_
