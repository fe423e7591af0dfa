#include "io/gpt2_tensors.h"

#include <charconv>
#include <numeric>
#include <utility>

namespace dcp {

namespace {

using Role = TensorRole;
using Visit = std::function<void(const TensorSpec&)>;

void VisitEmbeddings(const ModelConfig& config, const Visit& visit) {
  visit({"wte.weight", {config.vocab_size, config.n_embd}, Role::kEmbedding, {}});
  visit({"wpe.weight", {config.n_positions, config.n_embd}, Role::kEmbedding, {}});
}

void VisitOutput(const ModelConfig& config, const Visit& visit) {
  visit({"ln_f.weight", {config.n_embd}, Role::kNormWeight, {}});
  visit({"ln_f.bias", {config.n_embd}, Role::kNormBias, {}});
  if (config.tie_word_embeddings) return;  // the embedding is the output matrix
  visit({"lm_head.weight", {config.vocab_size, config.n_embd}, Role::kOutputMatrix, {}});
}

void VisitLayer(const ModelConfig& config, int layer, const Visit& visit) {
  const int64_t c = config.n_embd;
  const int64_t inner = config.n_inner;
  const int64_t r = config.int_n_embd;
  const std::string prefix = LayerPrefix(layer);
  const auto tensor = [&](const char* name, Role role, std::vector<int64_t> shape) {
    visit({prefix + name, std::move(shape), role, layer});
  };
  tensor("ln_1.weight", Role::kNormWeight, {c});
  tensor("ln_1.bias", Role::kNormBias, {c});
  tensor("attn.c_attn.weight", Role::kQkvMatrix, {c, 3 * c});
  tensor("attn.c_attn.bias", Role::kBias, {3 * c});
  tensor("attn.c_proj.weight", Role::kResidualMatrix, {c, c});
  tensor("attn.c_proj.bias", Role::kBias, {c});
  if (r > 0) {
    tensor("attn.q_int.weight", Role::kInteractionMatrix, {r, c});
    tensor("attn.k_int.weight", Role::kInteractionMatrix, {r, c});
    tensor("attn.int_bias", Role::kInteractionBias, {1});
  }
  tensor("ln_2.weight", Role::kNormWeight, {c});
  tensor("ln_2.bias", Role::kNormBias, {c});
  tensor("mlp.c_fc.weight", Role::kMatrix, {c, inner});
  tensor("mlp.c_fc.bias", Role::kBias, {inner});
  tensor("mlp.c_proj.weight", Role::kResidualMatrix, {inner, c});
  tensor("mlp.c_proj.bias", Role::kBias, {c});
}

}  // namespace

bool IsInteraction(TensorRole role) { return role == Role::kInteractionMatrix || role == Role::kInteractionBias; }

int64_t TensorSpec::size() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

void ForEachTensor(const ModelConfig& config, const Visit& visit) {
  VisitEmbeddings(config, visit);
  for (int layer = 0; layer < config.n_layer; ++layer) VisitLayer(config, layer, visit);
  VisitOutput(config, visit);
}

std::optional<TensorSpec> FindTensor(const ModelConfig& config, std::string_view name) {
  std::optional<TensorSpec> found;
  const auto compare = [&](const TensorSpec& spec) {
    if (spec.name == name) found = spec;
  };
  if (const std::optional<LayerName> parsed = ParseLayerName(name)) {
    if (parsed->layer < config.n_layer) VisitLayer(config, static_cast<int>(parsed->layer), compare);
  } else {
    VisitEmbeddings(config, compare);
    VisitOutput(config, compare);
  }
  return found;
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

bool IsAttentionBuffer(std::string_view rest) { return rest == "attn.bias" || rest == "attn.masked_bias"; }

}  // namespace dcp
