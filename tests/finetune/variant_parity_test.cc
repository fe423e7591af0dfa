// Variants of GPT-2: losses and gradients of the trainer are those of the textbook.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "dcp-finetune/lm_loss.h"
#include "dcp-finetune/model.h"
#include "dcp-finetune/parameters.h"
#include "io/checkpoint.h"
#include "tests/reference/activation.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/reference/oracle.h"
#include "tests/reference/random_model.h"

namespace dcp::finetune {
namespace {

using torch::Tensor;

// GPT-2 written out in operations that torch differentiates, in double precision; with interaction tensors at alpha 1,
// where the sparse sigmoid is the logistic function.
class Textbook {
 public:
  Textbook(const Parameters& parameters, const ModelConfig& config) : config_(config) {
    for (const Parameter& p : parameters.all()) {
      leaves_[p.name] = p.value.detach().to(torch::kDouble).requires_grad_(true);
    }
  }

  const Tensor& operator[](const std::string& name) const { return leaves_.at(name); }

  // Mean NLL of each next token, plus `gamma` times the mean of I(k, j) over layers and j < k; gamma 0: dense.
  Tensor Loss(const Tensor& ids, double gamma) const {
    const int64_t tokens = ids.size(1) - 1;
    const Tensor inputs = ids.slice(1, 0, tokens), targets = ids.slice(1, 1).reshape({-1, 1});
    const Tensor causal = torch::full({tokens, tokens}, -INFINITY, torch::kDouble).triu(1);
    Tensor x = torch::embedding((*this)["wte.weight"], inputs) + (*this)["wpe.weight"].slice(0, 0, tokens);
    Tensor kept = torch::zeros({}, torch::kDouble);
    for (int layer = 0; layer < config_.n_layer; ++layer) {
      const std::string h = "h." + std::to_string(layer) + ".";
      const Tensor a = Norm(x, h + "ln_1");
      Tensor bias = causal;
      if (gamma > 0) {
        const Tensor log_i = LogI(a, h);
        bias = causal + log_i.unsqueeze(1);
        kept = kept + (log_i.exp() * torch::ones_like(causal).tril(-1)).sum() / (tokens * (tokens - 1) / 2.0);
      }
      x = x + Linear(Attend(Linear(a, h + "attn.c_attn"), bias, layer), h + "attn.c_proj");
      x = x + Linear(Activate(Linear(Norm(x, h + "ln_2"), h + "mlp.c_fc")), h + "mlp.c_proj");
    }
    const Tensor& head = (*this)[config_.tie_word_embeddings ? "wte.weight" : "lm_head.weight"];
    const Tensor log_p = torch::log_softmax(torch::matmul(Norm(x, "ln_f"), head.t()), -1).flatten(0, 1);
    const auto count = static_cast<double>(config_.n_layer * ids.size(0));
    return -log_p.gather(1, targets).mean() + gamma * kept / count;
  }

 private:
  Tensor Linear(const Tensor& x, const std::string& name) const {
    return torch::matmul(x, (*this)[name + ".weight"]) + (*this)[name + ".bias"];
  }

  Tensor Norm(const Tensor& x, const std::string& name) const {
    const Tensor centred = x - x.mean(-1, true);
    const Tensor scale = (centred.square().mean(-1, true) + config_.layer_norm_epsilon).sqrt();
    return centred / scale * (*this)[name + ".weight"] + (*this)[name + ".bias"];
  }

  Tensor LogI(const Tensor& a, const std::string& h) const {
    const Tensor q = torch::matmul(a, (*this)[h + "attn.q_int.weight"].t());
    const Tensor k = torch::matmul(a, (*this)[h + "attn.k_int.weight"].t());
    const Tensor s = torch::matmul(q, k.transpose(1, 2)) / std::sqrt(q.size(2)) + (*this)[h + "attn.int_bias"];
    return (torch::log_sigmoid(s) * torch::ones_like(s[0]).tril(-1)).cumsum(1);
  }

  Tensor Attend(const Tensor& qkv, const Tensor& bias, int layer) const {
    const int64_t heads = config_.n_head, width = config_.head_dim();
    const Tensor parts = qkv.view({qkv.size(0), qkv.size(1), 3, heads, width}).permute({2, 0, 3, 1, 4});
    Tensor logits = torch::matmul(parts[0], parts[1].transpose(2, 3));
    if (config_.scale_attn_weights) logits = logits / std::sqrt(width);
    if (config_.scale_attn_by_inverse_layer_idx) logits = logits / (layer + 1);
    return torch::matmul(torch::softmax(logits + bias, -1), parts[2]).transpose(1, 2).flatten(2);
  }

  Tensor Activate(const Tensor& x) const {
    switch (config_.activation) {
      case Activation::kIdentity:
        break;
      case Activation::kGeluTanh:
        return 0.5 * x * (1 + torch::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x.pow(3))));
      case Activation::kGelu:
        return 0.5 * x * (1 + torch::erf(x / std::sqrt(2)));
      case Activation::kQuickGelu:
        return x / (1 + torch::exp(-1.702 * x));
      case Activation::kSilu:
        return x / (1 + torch::exp(-x));
      case Activation::kRelu:
        return x * (x > 0);
      case Activation::kTanh:
        return torch::tanh(x);
    }
    return x;
  }

  ModelConfig config_;
  std::map<std::string, Tensor> leaves_;
};

std::vector<ModelConfig> Variants() {
  const ModelConfig plain = reference::SmallConfig(3, 2, 4, 5, 31, 24);
  std::vector<ModelConfig> variants;
  for (const Activation activation : reference::kActivations) variants.emplace_back(plain).activation = activation;
  variants.emplace_back(plain).scale_attn_weights = false;
  variants.emplace_back(plain).scale_attn_by_inverse_layer_idx = true;
  variants.emplace_back(plain).tie_word_embeddings = false;
  variants.emplace_back(plain).n_inner = 13;
  ModelConfig all = plain;
  all.activation = Activation::kSilu;
  all.scale_attn_weights = all.tie_word_embeddings = false;
  all.scale_attn_by_inverse_layer_idx = true;
  all.n_inner = 7;
  variants.push_back(all);
  return variants;
}

class Variant : public testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(testing::TempDir()) /
                 ("variant_" + std::to_string(GetParam()) + "_" + std::to_string(getpid()));
    reference::MakeCheckpoint(directory_, config_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  const ModelConfig config_ = Variants()[GetParam()];
  std::filesystem::path directory_;
};

TEST_P(Variant, LossesAndGradientsAreThoseOfTheTextbook) {
  Parameters parameters = Parameters::Load(directory_, {}, Checkpoint::Open(directory_).config(), {}, 0, torch::kCPU);
  torch::manual_seed(3);
  const Tensor ids = torch::randint(config_.vocab_size, {2, 24}, torch::kLong);
  for (const double gamma : {0.0, 0.7}) {
    SCOPED_TRACE(gamma);
    const Textbook textbook(parameters, config_);
    const Tensor expected = textbook.Loss(ids, gamma);
    expected.backward();

    const SigmoidTable sigmoid(1);
    ForwardOptions options;
    if (gamma > 0) options.sigmoid = &sigmoid;
    parameters.ZeroGradients();
    const ForwardResult result = Forward(parameters, ids.slice(1, 0, 23).contiguous(), options);
    Tensor loss = LmLoss(result.hidden.view({-1, config_.n_embd}), parameters.Output(), ids.slice(1, 1).reshape({-1}),
                         {}, torch::kFloat);
    if (gamma > 0) loss = loss + gamma * SparsityLoss(result.kept);
    loss.backward();

    EXPECT_NEAR(loss.item<double>(), expected.item<double>(), 2e-6 * std::abs(expected.item<double>()));
    double largest = 0;
    for (const Parameter& p : parameters.all()) {
      const Tensor& theirs = textbook[p.name].grad();
      if (theirs.defined()) largest = std::max(largest, theirs.norm().item<double>());
    }
    for (const Parameter& p : parameters.all()) {
      const Tensor& theirs = textbook[p.name].grad();
      if (!theirs.defined()) continue;  // interaction tensors of the dense model
      // A gradient that is what is left of large terms (a bias of all pairs) has the rounding of those.
      const double bound = 2e-5 * theirs.norm().item<double>() + 1e-6 * largest;
      EXPECT_LE((p.value.grad().to(torch::kDouble) - theirs).norm().item<double>(), bound) << p.name;
    }
  }
}

TEST_P(Variant, LossIsThatOfTheOracle) {
  const Parameters parameters =
      Parameters::Load(directory_, {}, Checkpoint::Open(directory_).config(), {}, 0, torch::kCPU);
  const std::vector<TokenId> ids = reference::RandomIds(24, config_.vocab_size, 5);
  const reference::OracleResult expected =
      reference::Oracle(Checkpoint::Open(directory_)).Run(ids, ParsePolicy("dense"));
  const Tensor row = torch::tensor(std::vector<int64_t>(ids.begin(), ids.end()), torch::kLong).unsqueeze(0);
  const Tensor hidden = Forward(parameters, row.slice(1, 0, 23).contiguous(), {}).hidden.view({-1, config_.n_embd});
  const Tensor nll = TokenNll(hidden, parameters.Output(), row[0].slice(0, 1).contiguous(), torch::kFloat);
  for (int i = 0; i < 23; ++i) EXPECT_NEAR(nll[i].item<double>(), expected.nll[i], 1e-5) << i;
}

INSTANTIATE_TEST_SUITE_P(Configs, Variant, testing::Range(size_t{0}, Variants().size()));

}  // namespace
}  // namespace dcp::finetune
