// Shape of a GPT-2 model, as read from a Hugging Face config.json.
#ifndef DCP_MODEL_CONFIG_H_
#define DCP_MODEL_CONFIG_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "dcp/types.h"

namespace dcp {

// Letters are those of the whole project: L layers, H heads, D head width, C = H*D model width,
// R interaction width, V vocabulary, P positions.
struct ModelConfig {
  int n_layer = 0;         // L, "n_layer"
  int n_head = 0;          // H, "n_head"
  int n_embd = 0;          // C, "n_embd"; a multiple of H
  int n_inner = 0;         // width of the MLP, "n_inner"; 4*C where the file says null or nothing
  int n_positions = 0;     // P, "n_positions"; positions 0 .. P-1 have an embedding
  int vocab_size = 0;      // V, "vocab_size"
  int int_n_embd = 0;      // R, "dcp": {"int_n_embd": R}; 0: the model has no interaction tensors
  int eviction_delay = 0;  // W, "dcp": {"eviction_delay": W}, 0 .. P: a token that n drops is still attended by n ..
                           // n+W-1 and gone from n+W on; 0 (also where absent): gone for n itself
  float layer_norm_epsilon = 1e-5f;
  std::optional<TokenId> bos_token_id;
  std::optional<TokenId> eos_token_id;  // generation stops after it; absent: never

  int head_dim() const { return n_embd / n_head; }  // D

  // Number of weights, the tied output embedding counted once.
  int64_t ParameterCount() const;

  // Throws Error(kInvalidModel) beginning with `source` when the numbers cannot describe a model
  // (non-positive sizes, C not a multiple of H, an eviction delay beyond P, eos outside the vocabulary, sizes whose
  // product overflows).
  void Validate(const std::string& source) const;
};

// Reads and validates a config.json. Throws Error(kIo) when it cannot be read, Error(kInvalidModel) when it is not
// JSON, is not a GPT-2 (model_type other than "gpt2", an activation other than gelu_new / gelu_pytorch_tanh, untied
// embeddings, attention variants that change the result), or carries a "dcp" version other than 1.
ModelConfig LoadModelConfig(const std::filesystem::path& config_json);

// The config of a model directory, with R and W of the adapter's where one is named: what Model::Load would find,
// without the weights. Throws as LoadModelConfig, and Error(kInvalidModel) when the two configs disagree.
ModelConfig ReadModelConfig(const std::filesystem::path& directory, const std::filesystem::path& adapter = {});

}  // namespace dcp

#endif  // DCP_MODEL_CONFIG_H_
