// Shape of a GPT-2 model, as read from a Hugging Face config.json.
#ifndef DCP_MODEL_CONFIG_H_
#define DCP_MODEL_CONFIG_H_

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dcp/export.h"
#include "dcp/types.h"
#include "dcp/warnings.h"

namespace dcp {

// Letters are those of the whole project: L layers, H heads, D head width, C = H*D model width,
// R interaction width, V vocabulary, P positions.
struct DCP_EXPORT ModelConfig {
  int n_layer = 0;         // L, "n_layer"
  int n_head = 0;          // H, "n_head"
  int n_embd = 0;          // C, "n_embd"; a multiple of H
  int n_inner = 0;         // width of the MLP, "n_inner"; 4*C where the file says null or nothing
  int n_positions = 0;     // P, "n_positions"; positions 0 .. P-1 have an embedding
  int vocab_size = 0;      // V, "vocab_size"
  int int_n_embd = 0;      // R, "dcp": {"int_n_embd": R}; 0: the model has no interaction tensors
  int eviction_delay = 0;  // W, "dcp": {"eviction_delay": W}, 0 .. P: a token that n drops is still attended by n ..
                           // n+W-1 and gone from n+W on; 0 (also where absent): gone for n itself
  float layer_norm_epsilon = 1e-5f;          // "layer_norm_epsilon"; above 0
  std::optional<TokenId> bos_token_id = {};  // begins a text; absent: nothing does
  std::vector<TokenId> eos_token_ids = {};   // generation stops after any of them; empty: never

  // What variants of GPT-2 have otherwise; the defaults are the published model's.
  Activation activation = Activation::kGeluTanh;  // of the MLP, "activation_function"
  bool scale_attn_weights = true;                 // false: attention does not divide by sqrt(D)
  bool scale_attn_by_inverse_layer_idx = false;   // true: attention of layer i, from 0, also divides by i + 1
  bool tie_word_embeddings = true;                // false: "lm_head.weight" [V, C] makes the logits, not "wte.weight"

  // D. REQUIRES: a config that Validate accepts, as below.
  int head_dim() const { return n_embd / n_head; }

  // Whether generation stops after it.
  bool IsEndOfText(TokenId id) const { return std::ranges::find(eos_token_ids, id) != eos_token_ids.end(); }

  // What attention multiplies q . k / sqrt(D) by in a layer (0 .. L-1): 1 in the published GPT-2.
  float AttentionFactor(int layer) const;

  // Number of weights, an output matrix that is tied to the embedding counted once.
  int64_t ParameterCount() const;

  // Throws Error(kInvalidModel) beginning with `source` when the numbers cannot describe a model
  // (non-positive sizes, C not a multiple of H, an eviction delay beyond P, sizes whose product overflows).
  void Validate(const std::string& source) const;
};

// Reads and validates a config.json. Throws Error(kIo) when it cannot be read, Error(kInvalidModel) when it is not
// JSON, is not a GPT-2 (model_type other than "gpt2", cross-attention, an activation that libdcp does not know), or
// carries a "dcp" version other than 1. A config without model_type is read as a GPT-2's with a warning.
// "eos_token_id" is one id or a list; ids outside the vocabulary are left out with a warning.
DCP_EXPORT ModelConfig LoadModelConfig(const std::filesystem::path& config_json, Warnings* warnings = nullptr);

// The config of a model directory, with R and W of the adapter's where one is named: what Model::Load would find,
// without the weights. Where the directory has a generation_config.json, the bos and eos ids that it gives go before
// those of config.json. Throws as LoadModelConfig, and Error(kInvalidModel) when the two configs disagree.
DCP_EXPORT ModelConfig ReadModelConfig(const std::filesystem::path& directory,
                                       const std::filesystem::path& adapter = {}, Warnings* warnings = nullptr);

}  // namespace dcp

#endif  // DCP_MODEL_CONFIG_H_
