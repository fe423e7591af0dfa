#include "dcp-finetune/train_state.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "dcp/error.h"
#include "io/safetensors.h"
#include "support/json.h"
#include "support/output_file.h"
#include "writers/safetensors_writer.h"

namespace dcp::finetune {
namespace {

using torch::Tensor;

constexpr char kStep[] = "finished_steps";

std::span<const std::byte> BytesOf(const Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.data_ptr()), tensor.nbytes()};
}

constexpr const char* kKinds[] = {"values", "first_moment", "second_moment"};

std::string StateName(const char* kind, int group) { return std::string(kind) + "." + std::to_string(group); }

// Calls fn(name, tensor) for what a state holds of each group.
template <typename Fn>
void ForEachStateTensor(Parameters& parameters, Optimiser& optimiser, const Fn& fn) {
  for (int g = 0; g < kParameterGroups; ++g) {
    fn(StateName(kKinds[0], g), parameters.Flat(static_cast<ParameterGroup>(g)));
    fn(StateName(kKinds[1], g), optimiser.FirstMoment(g));
    fn(StateName(kKinds[2], g), optimiser.SecondMoment(g));
  }
}

const TensorView& Find(const SafetensorsFile& file, const std::string& name, DType dtype, size_t bytes) {
  const auto found = file.tensors().find(name);
  if (found == file.tensors().end()) {
    throw Error(ErrorCode::kInvalidModel, file.path().string() + ": no tensor " + name);
  }
  if (found->second.dtype != dtype || found->second.bytes.size() != bytes) {
    throw Error(ErrorCode::kInvalidModel, file.path().string() + ": tensor " + name + " has " +
                                              std::to_string(found->second.bytes.size()) + " bytes, this run has " +
                                              std::to_string(bytes));
  }
  return found->second;
}

void Restore(const SafetensorsFile& file, const std::string& name, Tensor& to) {
  const TensorView& view = Find(file, name, DType::kF32, to.nbytes());
  Tensor values = torch::empty(to.sizes(), torch::kFloat);
  std::copy(view.bytes.begin(), view.bytes.end(), static_cast<std::byte*>(values.data_ptr()));
  torch::NoGradGuard no_grad;
  to.copy_(values);
}

torch::ScalarType TorchType(WeightType type) {
  if (type == WeightType::kBF16) return torch::kBFloat16;
  return type == WeightType::kF16 ? torch::kHalf : torch::kFloat;
}

const char* NameInTorch(WeightType type) {
  if (type == WeightType::kBF16) return "bfloat16";
  return type == WeightType::kF16 ? "float16" : "float32";
}

DType FileType(WeightType type) {
  if (type == WeightType::kBF16) return DType::kBF16;
  return type == WeightType::kF16 ? DType::kF16 : DType::kF32;
}

void WriteTensors(const ModelToSave& target, const Parameters& parameters) {
  std::vector<Tensor> kept;  // the bytes are only borrowed
  std::vector<TensorToWrite> tensors;
  for (const Parameter& parameter : parameters.all()) {
    const bool interaction = parameter.group == ParameterGroup::kInteraction;
    if (target.adapter_only && !interaction) continue;
    // Decisions are the sign of a sum of these: they stay float whatever the rest is.
    const WeightType type = interaction ? WeightType::kF32 : target.type;
    kept.push_back(parameter.value.detach().to(torch::kCPU, TorchType(type)).contiguous());
    tensors.push_back({parameter.name, FileType(type), kept.back().sizes().vec(), BytesOf(kept.back())});
  }
  const char* name = target.adapter_only ? "adapter.safetensors" : "model.safetensors";
  WriteSafetensors(target.directory / name, tensors, {{"format", "pt"}});
}

void WriteConfig(const ModelToSave& target, const ModelConfig& config) {
  nlohmann::json json = nlohmann::json::object();
  if (!target.adapter_only) json = ParseJsonObject(target.config, "config.json");
  json.erase("dcp");
  json["model_type"] = "gpt2";
  if (config.int_n_embd > 0) {
    json["dcp"] = {{"version", 1}, {"int_n_embd", config.int_n_embd}};
    if (config.eviction_delay > 0) json["dcp"]["eviction_delay"] = config.eviction_delay;
  }
  if (!target.adapter_only) {
    json["architectures"] = {"GPT2LMHeadModel"};
    json["vocab_size"] = config.vocab_size;
    for (const char* field : {"torch_dtype", "dtype"}) {  // one of them, in what transformers writes
      if (json.contains(field)) json[field] = NameInTorch(target.type);
    }
    if (config.eos_token_ids.size() == 1) json["eos_token_id"] = config.eos_token_ids[0];
    if (config.eos_token_ids.size() > 1) json["eos_token_id"] = config.eos_token_ids;
    if (config.bos_token_id) json["bos_token_id"] = *config.bos_token_id;
  }
  OutputFile(target.directory / "config.json").Commit(json.dump(1) + "\n");
}

}  // namespace

void SaveState(const std::filesystem::path& file, int64_t finished_steps, Parameters& parameters,
               Optimiser& optimiser) {
  std::vector<Tensor> kept;
  std::vector<TensorToWrite> tensors;
  const auto add = [&](const std::string& name, DType dtype, const Tensor& value) {
    kept.push_back(value.cpu().contiguous());
    tensors.push_back({name, dtype, kept.back().sizes().vec(), BytesOf(kept.back())});
  };
  add(kStep, DType::kI64, torch::full({1}, finished_steps, torch::kLong));
  ForEachStateTensor(parameters, optimiser,
                     [&](const std::string& name, const Tensor& value) { add(name, DType::kF32, value); });
  WriteSafetensors(file, tensors);
}

int64_t CheckState(const std::filesystem::path& path, const ModelConfig& config) {
  const SafetensorsFile file = SafetensorsFile::Open(path);
  const GroupSizes sizes = SizesOf(config);
  for (int g = 0; g < kParameterGroups; ++g) {
    for (const char* kind : kKinds) Find(file, StateName(kind, g), DType::kF32, sizes[g] * sizeof(float));
  }
  int64_t finished_steps = 0;
  const TensorView& step = Find(file, kStep, DType::kI64, sizeof finished_steps);
  std::copy(step.bytes.begin(), step.bytes.end(), reinterpret_cast<std::byte*>(&finished_steps));
  return finished_steps;
}

void LoadState(const std::filesystem::path& path, Parameters& parameters, Optimiser& optimiser) {
  const SafetensorsFile file = SafetensorsFile::Open(path);
  ForEachStateTensor(parameters, optimiser,
                     [&](const std::string& name, Tensor& value) { Restore(file, name, value); });
}

void SaveModel(const ModelToSave& target, const Parameters& parameters) {
  std::filesystem::create_directories(target.directory);
  WriteTensors(target, parameters);
  WriteConfig(target, parameters.config());
  if (target.adapter_only) return;
  if (target.generation_config) OutputFile(target.directory / kGenerationConfigName).Commit(*target.generation_config);
  WriteTokenizerFiles(target.tokenizer, target.directory);
}

}  // namespace dcp::finetune
