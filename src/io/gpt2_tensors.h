// Which tensors a GPT-2 checkpoint holds, and in what shapes.
#ifndef DCP_IO_GPT2_TENSORS_H_
#define DCP_IO_GPT2_TENSORS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dcp/model_config.h"

namespace dcp {

struct TensorSpec {
  std::string name;
  std::vector<int64_t> shape;
};

// wte.weight [V, C], wpe.weight [P, C], ln_f.weight [C], ln_f.bias [C].
std::vector<TensorSpec> OuterTensors(const ModelConfig& config);

// Of every layer, without "h.{i}.": ln_1.weight [C], attn.c_attn.weight [C, 3C], ...; the interaction tensors last, if
// R is not 0.
std::vector<TensorSpec> LayerTensors(const ModelConfig& config);

// "h.3.": the start of the names of a layer.
std::string LayerPrefix(int layer);

// A name "h.{layer}.{rest}".
struct LayerName {
  int64_t layer = 0;
  std::string_view rest;  // into the name
};
std::optional<LayerName> ParseLayerName(std::string_view name);

// Of a name without "h.{i}.": attn.q_int.weight, attn.k_int.weight, attn.int_bias.
bool IsInteractionTensor(std::string_view rest);

// Of a name without "h.{i}.": the masks that old GPT-2 files carry, attn.bias and attn.masked_bias.
bool IsAttentionBuffer(std::string_view rest);

}  // namespace dcp

#endif  // DCP_IO_GPT2_TENSORS_H_
