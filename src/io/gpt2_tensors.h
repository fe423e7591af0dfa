// The one list of GPT-2's tensors: what a checkpoint holds, in what shapes, and what each is for. Loading, packing,
// counting, random models and the trainer all go through it. A new tensor is one more line in gpt2_tensors.cc, and one
// in src/model/weights.cc that says where it is kept.
#ifndef DCP_IO_GPT2_TENSORS_H_
#define DCP_IO_GPT2_TENSORS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dcp/model_config.h"

namespace dcp {

// What a tensor is for, from which follows how it begins, whether it decays, and in which type it must be kept.
enum class TensorRole {
  kEmbedding,          // a row per token or position
  kMatrix,             // [in, out]: weights of a linear layer, as Conv1D stores them
  kQkvMatrix,          // [C, 3C]: three such matrices side by side
  kResidualMatrix,     // one whose products are added to the residual stream: GPT-2 draws it smaller, by depth
  kBias,               // [out] of a linear layer
  kNormWeight,         // [C] of a layer norm
  kNormBias,           // [C]
  kInteractionMatrix,  // [out, in]: of the learned decisions, stored like torch.nn.Linear
  kInteractionBias,    // [1]: beta
  kOutputMatrix,       // [V, C]: a row per token, of a model whose output matrix is not its embedding
};

// True for the tensors of the learned decisions: those that an adapter holds.
bool IsInteraction(TensorRole role);

struct TensorSpec {
  std::string name;  // canonical, without "transformer."
  std::vector<int64_t> shape;
  TensorRole role = TensorRole::kMatrix;
  std::optional<int> layer;  // of "h.{layer}."; none: outside the layers

  int64_t size() const;  // numbers. REQUIRES: the config was validated
};

// Visits every tensor of such a model, in the order of GPT-2's files.
void ForEachTensor(const ModelConfig& config, const std::function<void(const TensorSpec&)>& visit);

// nullopt: a model of `config` has no such tensor.
std::optional<TensorSpec> FindTensor(const ModelConfig& config, std::string_view name);

// "h.3.": the start of the names of a layer.
std::string LayerPrefix(int layer);

// A name "h.{layer}.{rest}".
struct LayerName {
  int64_t layer = 0;
  std::string_view rest;  // into the name
};
std::optional<LayerName> ParseLayerName(std::string_view name);

// Of a name without "h.{i}.": the masks that old GPT-2 files carry, attn.bias and attn.masked_bias.
bool IsAttentionBuffer(std::string_view rest);

}  // namespace dcp

#endif  // DCP_IO_GPT2_TENSORS_H_
