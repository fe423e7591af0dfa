#include "dcp-finetune/saved_model.h"

#include <nlohmann/json.hpp>

#include "support/files.h"
#include "support/json.h"
#include "support/output_file.h"

namespace dcp::finetune {
namespace {

constexpr char kConfigName[] = "config.json";
constexpr char kGenerationConfigName[] = "generation_config.json";

const char* TensorsName(const ModelToSave& target) {
  return target.adapter_only ? "adapter.safetensors" : "model.safetensors";
}

struct TypeNames {
  torch::ScalarType type;
  const char* in_config;  // as transformers writes it
};

TypeNames InTorch(WeightType type) {
  if (type == WeightType::kBF16) return {torch::kBFloat16, "bfloat16"};
  if (type == WeightType::kF16) return {torch::kHalf, "float16"};
  return {torch::kFloat, "float32"};
}

// What the model says for itself, in place of what the base's file says.
nlohmann::json ModelFields(const ModelToSave& target, const ModelConfig& config, const nlohmann::json& base) {
  nlohmann::json fields = {
      {"architectures", {"GPT2LMHeadModel"}}, {"vocab_size", config.vocab_size}, {"n_positions", config.n_positions}};
  if (base.contains("n_ctx")) fields["n_ctx"] = config.n_positions;
  for (const char* field : {"torch_dtype", "dtype"}) {  // one of them
    if (base.contains(field)) fields[field] = InTorch(target.type).in_config;
  }
  if (!config.tie_word_embeddings) fields["tie_word_embeddings"] = false;
  if (config.eos_token_ids.size() == 1) fields["eos_token_id"] = config.eos_token_ids[0];
  if (config.eos_token_ids.size() > 1) fields["eos_token_id"] = config.eos_token_ids;
  if (config.bos_token_id) fields["bos_token_id"] = *config.bos_token_id;
  return fields;
}

void WriteConfig(const ModelToSave& target, const ModelConfig& config) {
  nlohmann::json json = nlohmann::json::object();
  if (!target.adapter_only) {
    json = ParseJsonObject(target.config, "config.json");
    json.update(ModelFields(target, config, json));
  }
  json["model_type"] = "gpt2";
  json.erase("dcp");
  if (config.int_n_embd > 0) {
    json["dcp"] = {{"version", 1}, {"int_n_embd", config.int_n_embd}};
    if (config.eviction_delay > 0) json["dcp"]["eviction_delay"] = config.eviction_delay;
  }
  OutputFile(target.directory / kConfigName).Commit(json.dump(1) + "\n");
}

}  // namespace

void ModelToSave::TakeAlong(const std::filesystem::path& config_file, const std::filesystem::path& base,
                            const std::filesystem::path& tokenizer_directory) {
  config = ReadFile(config_file);
  tokenizer = ReadTokenizerFiles(tokenizer_directory);
  if (!base.empty() && std::filesystem::exists(base / kGenerationConfigName)) {
    generation_config = ReadFile(base / kGenerationConfigName);
  }
}

NamedTensor ToSave(const std::string& name, const torch::Tensor& value, TensorRole role, WeightType type) {
  // Decisions are the sign of a sum of these: they stay float whatever the rest is.
  const torch::ScalarType in_torch = IsInteraction(role) ? torch::kFloat : InTorch(type).type;
  return {name, value.detach().to(torch::kCPU, in_torch).contiguous()};
}

std::vector<std::string> FilesOf(const ModelToSave& target) {
  std::vector<std::string> names = {TensorsName(target), kConfigName, kGenerationConfigName};
  for (const auto& [name, content] : target.tokenizer) names.push_back(name);
  return names;
}

void SaveModel(const ModelToSave& target, const ModelConfig& config, const std::vector<NamedTensor>& tensors) {
  std::filesystem::create_directories(target.directory);
  WriteTensorFile(target.directory / TensorsName(target), tensors, {{"format", "pt"}});
  WriteConfig(target, config);
  if (target.adapter_only) return;
  if (target.generation_config) OutputFile(target.directory / kGenerationConfigName).Commit(*target.generation_config);
  WriteTokenizerFiles(target.tokenizer, target.directory);
}

}  // namespace dcp::finetune
