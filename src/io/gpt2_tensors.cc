#include "io/gpt2_tensors.h"

#include <charconv>

namespace dcp {

std::vector<TensorSpec> OuterTensors(const ModelConfig& config) {
  const int64_t c = config.n_embd;
  return {{"wte.weight", {config.vocab_size, c}},
          {"wpe.weight", {config.n_positions, c}},
          {"ln_f.weight", {c}},
          {"ln_f.bias", {c}}};
}

std::vector<TensorSpec> LayerTensors(const ModelConfig& config) {
  const int64_t c = config.n_embd;
  const int64_t inner = config.n_inner;
  const int64_t r = config.int_n_embd;
  std::vector<TensorSpec> tensors = {
      {"ln_1.weight", {c}},
      {"ln_1.bias", {c}},
      {"attn.c_attn.weight", {c, 3 * c}},
      {"attn.c_attn.bias", {3 * c}},
      {"attn.c_proj.weight", {c, c}},
      {"attn.c_proj.bias", {c}},
      {"ln_2.weight", {c}},
      {"ln_2.bias", {c}},
      {"mlp.c_fc.weight", {c, inner}},
      {"mlp.c_fc.bias", {inner}},
      {"mlp.c_proj.weight", {inner, c}},
      {"mlp.c_proj.bias", {c}},
  };
  if (r > 0) {
    tensors.push_back({"attn.q_int.weight", {r, c}});
    tensors.push_back({"attn.k_int.weight", {r, c}});
    tensors.push_back({"attn.int_bias", {1}});
  }
  return tensors;
}

std::string LayerPrefix(int layer) { return "h." + std::to_string(layer) + "."; }

std::optional<LayerName> ParseLayerName(std::string_view name) {
  if (!name.starts_with("h.")) return std::nullopt;
  name.remove_prefix(2);
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view digits = name.substr(0, dot);
  LayerName parsed;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), parsed.layer);
  // Only the one spelling that LayerPrefix makes: "h.01." or "h.-1." is no layer.
  if (error != std::errc() || end != digits.data() + digits.size() || std::to_string(parsed.layer) != digits ||
      parsed.layer < 0) {
    return std::nullopt;
  }
  parsed.rest = name.substr(dot + 1);
  return parsed;
}

bool IsInteractionTensor(std::string_view rest) {
  return rest == "attn.q_int.weight" || rest == "attn.k_int.weight" || rest == "attn.int_bias";
}

bool IsAttentionBuffer(std::string_view rest) { return rest == "attn.bias" || rest == "attn.masked_bias"; }

}  // namespace dcp
