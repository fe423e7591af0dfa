#include "dcp-finetune/model.h"

#include "dcp-finetune/attention.h"
#include "dcp-finetune/elementwise.h"
#include "dcp-finetune/soft_pruning.h"

namespace dcp::finetune {
namespace {

using torch::Tensor;

// x W + b with W [in, out].
Tensor Linear(const Tensor& x, const Tensor& weight, const Tensor& bias, torch::ScalarType compute) {
  const Tensor rows = x.reshape({-1, x.size(-1)}).to(compute);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(1);
  return torch::addmm(bias.to(compute), rows, weight.to(compute)).view(shape);
}

Tensor Activate(Activation activation, const Tensor& x) {
  switch (activation) {
    case Activation::kIdentity:
      break;
    case Activation::kGeluTanh:
      return GeluTanh(x);
    case Activation::kGelu:
      return torch::gelu(x);
    case Activation::kQuickGelu:
      return x * torch::sigmoid(1.702 * x);
    case Activation::kSilu:
      return torch::silu(x);
    case Activation::kRelu:
      return torch::relu(x);
    case Activation::kTanh:
      return torch::tanh(x);
  }
  return x;
}

Tensor Norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  return torch::layer_norm(x, {x.size(-1)}, weight, bias, epsilon);
}

}  // namespace

ForwardResult Forward(const Parameters& p, const Tensor& ids, const ForwardOptions& options) {
  const ModelConfig& config = p.config();
  const auto compute = options.compute;
  ForwardResult result;
  Tensor x = torch::embedding(p["wte.weight"], ids) + p["wpe.weight"].slice(0, 0, ids.size(1));
  const int64_t tokens = ids.size(1);
  for (int i = 0; i < config.n_layer; ++i) {
    const auto get = [&](const char* name) -> const Tensor& { return p.Layer(i, name); };
    const Tensor h = Norm(x, get("ln_1.weight"), get("ln_1.bias"), config.layer_norm_epsilon);
    Tensor log_i;
    if (!options.masks.empty() && options.masks[i].defined()) {
      log_i = options.masks[i].slice(0, 0, tokens).slice(1, 0, tokens).expand({ids.size(0), tokens, tokens});
    }
    if (options.sigmoid != nullptr) {
      Interaction interaction = ComputeInteraction(torch::matmul(h, get("attn.q_int.weight").t()),
                                                   torch::matmul(h, get("attn.k_int.weight").t()), get("attn.int_bias"),
                                                   *options.sigmoid, config.eviction_delay);
      log_i = interaction.log_i;
      result.kept.push_back(interaction.kept);
    }
    const Tensor qkv = Linear(h, get("attn.c_attn.weight"), get("attn.c_attn.bias"), compute);
    const Tensor attended = CausalAttention(qkv, log_i, config.n_head, config.AttentionFactor(i));
    x = x + Linear(attended, get("attn.c_proj.weight"), get("attn.c_proj.bias"), compute);
    const Tensor m = Norm(x, get("ln_2.weight"), get("ln_2.bias"), config.layer_norm_epsilon);
    const Tensor inner = Activate(config.activation, Linear(m, get("mlp.c_fc.weight"), get("mlp.c_fc.bias"), compute));
    x = x + Linear(inner, get("mlp.c_proj.weight"), get("mlp.c_proj.bias"), compute);
  }
  result.hidden = Norm(x, p["ln_f.weight"], p["ln_f.bias"], config.layer_norm_epsilon);
  return result;
}

Tensor SparsityLoss(const std::vector<Tensor>& kept) {
  const double tokens = static_cast<double>(kept[0].size(1));
  return torch::stack(kept).sum(2).mean() / (tokens * (tokens - 1) / 2);
}

Tensor WeightedSparsityLoss(const std::vector<Tensor>& kept, std::span<const double> gamma) {
  if (gamma.size() == 1) return gamma[0] * SparsityLoss(kept);
  Tensor sum = torch::zeros({}, kept[0].options());
  for (size_t l = 0; l < kept.size(); ++l) sum = sum + gamma[l] * SparsityLoss({kept[l]});
  return sum / static_cast<double>(kept.size());
}

Tensor FullSquareInteraction(const std::vector<Tensor>& kept) {
  const int64_t tokens = kept[0].size(1);
  const Tensor queries = torch::stack(kept).slice(2, 0, tokens - 1);
  const double ones = static_cast<double>(tokens) * (tokens - 1) - (tokens - 1) * (tokens - 2) / 2.0;
  return (queries.sum(2).mean() + ones) / (static_cast<double>(tokens) * (tokens - 1));
}

}  // namespace dcp::finetune
