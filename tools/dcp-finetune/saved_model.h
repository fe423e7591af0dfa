// A model directory, as training and conversion write it.
#ifndef DCP_TOOLS_DCP_FINETUNE_SAVED_MODEL_H_
#define DCP_TOOLS_DCP_FINETUNE_SAVED_MODEL_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dcp-finetune/model_directory.h"
#include "dcp-finetune/tensor_file.h"
#include "dcp/model_config.h"
#include "dcp/types.h"
#include "io/gpt2_tensors.h"

namespace dcp::finetune {

// Where a model is written, and what goes along with it, read before the work begins: hours later nothing can be
// missing.
struct ModelToSave {
  std::filesystem::path directory;
  WeightType type = WeightType::kF32;
  bool adapter_only = false;                     // only the interaction tensors; what follows is then empty
  std::string config;                            // a config.json, whose other fields are kept
  std::optional<std::string> generation_config;  // a generation_config.json that goes along
  FileContents tokenizer;

  // Reads `config_file`, the generation_config.json of `base` (empty: none) and the files of the tokenizer. Throws
  // dcp::Error(kIo).
  void TakeAlong(const std::filesystem::path& config_file, const std::filesystem::path& base,
                 const std::filesystem::path& tokenizer_directory);
};

// A tensor of a model as it is saved: in the model's type, but float where decisions hang on it.
NamedTensor ToSave(const std::string& name, const torch::Tensor& value, TensorRole role, WeightType type);

// The names of the files that SaveModel writes.
std::vector<std::string> FilesOf(const ModelToSave& target);

// Writes a Hugging Face directory (config.json, model.safetensors, the tokenizer's files) or an adapter directory
// (config.json, adapter.safetensors). Each file appears whole or not at all. Throws dcp::Error.
void SaveModel(const ModelToSave& target, const ModelConfig& config, const std::vector<NamedTensor>& tensors);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_SAVED_MODEL_H_
