#include "tests/reference/oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "tests/reference/activation.h"
#include "tests/reference/oracle_policy.h"

namespace dcp::reference {
namespace {

Matrix ReadMatrix(const Checkpoint& checkpoint, const std::string& name, int64_t rows, int64_t columns) {
  const std::vector<int64_t> shape = {rows, columns};
  const std::vector<float> values = checkpoint.Read(name, shape);
  using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const FloatMatrix>(values.data(), rows, columns).cast<double>();
}

RowVector ReadVector(const Checkpoint& checkpoint, const std::string& name, int64_t size) {
  const std::vector<int64_t> shape = {size};
  const std::vector<float> values = checkpoint.Read(name, shape);
  return Eigen::Map<const Eigen::RowVectorXf>(values.data(), size).cast<double>();
}

OracleLayer ReadLayer(const Checkpoint& checkpoint, int index) {
  const ModelConfig& config = checkpoint.config();
  const int64_t c = config.n_embd;
  const int64_t inner = config.n_inner;
  const int64_t r = config.int_n_embd;
  const std::string prefix = "h." + std::to_string(index) + ".";
  OracleLayer layer;
  layer.ln_1_weight = ReadVector(checkpoint, prefix + "ln_1.weight", c);
  layer.ln_1_bias = ReadVector(checkpoint, prefix + "ln_1.bias", c);
  layer.c_attn_weight = ReadMatrix(checkpoint, prefix + "attn.c_attn.weight", c, 3 * c);
  layer.c_attn_bias = ReadVector(checkpoint, prefix + "attn.c_attn.bias", 3 * c);
  layer.c_proj_weight = ReadMatrix(checkpoint, prefix + "attn.c_proj.weight", c, c);
  layer.c_proj_bias = ReadVector(checkpoint, prefix + "attn.c_proj.bias", c);
  layer.ln_2_weight = ReadVector(checkpoint, prefix + "ln_2.weight", c);
  layer.ln_2_bias = ReadVector(checkpoint, prefix + "ln_2.bias", c);
  layer.c_fc_weight = ReadMatrix(checkpoint, prefix + "mlp.c_fc.weight", c, inner);
  layer.c_fc_bias = ReadVector(checkpoint, prefix + "mlp.c_fc.bias", inner);
  layer.mlp_c_proj_weight = ReadMatrix(checkpoint, prefix + "mlp.c_proj.weight", inner, c);
  layer.mlp_c_proj_bias = ReadVector(checkpoint, prefix + "mlp.c_proj.bias", c);
  if (r > 0) {
    layer.q_int_weight = ReadMatrix(checkpoint, prefix + "attn.q_int.weight", r, c);
    layer.k_int_weight = ReadMatrix(checkpoint, prefix + "attn.k_int.weight", r, c);
    layer.int_bias = ReadVector(checkpoint, prefix + "attn.int_bias", 1)(0);
  }
  return layer;
}

Matrix LayerNorm(const Matrix& x, const RowVector& weight, const RowVector& bias, double epsilon) {
  Matrix y(x.rows(), x.cols());
  for (Eigen::Index t = 0; t < x.rows(); ++t) {
    const double mean = x.row(t).mean();
    const RowVector centred = x.row(t).array() - mean;
    const double variance = centred.squaredNorm() / static_cast<double>(x.cols());
    y.row(t) = (centred / std::sqrt(variance + epsilon)).cwiseProduct(weight) + bias;
  }
  return y;
}

Matrix Linear(const Matrix& x, const Matrix& weight, const RowVector& bias) { return (x * weight).rowwise() + bias; }

void AddMlp(const OracleLayer& layer, const ModelConfig& config, Matrix& x) {
  const Matrix normed = LayerNorm(x, layer.ln_2_weight, layer.ln_2_bias, config.layer_norm_epsilon);
  Matrix hidden = Linear(normed, layer.c_fc_weight, layer.c_fc_bias);
  for (double& value : hidden.reshaped()) value = Activate(config.activation, value);
  x += Linear(hidden, layer.mlp_c_proj_weight, layer.mlp_c_proj_bias);
}

// What q . k is divided by in a layer.
double AttentionDivisor(const ModelConfig& config, int layer) {
  const double width = config.scale_attn_weights ? std::sqrt(static_cast<double>(config.head_dim())) : 1.0;
  return config.scale_attn_by_inverse_layer_idx ? width * (layer + 1) : width;
}

// softmax over the allowed tokens of q . k / divisor, for one head and token n: [allowed.size()]
std::vector<double> Softmax(const RowVector& q, const Eigen::Ref<const Matrix>& k, double divisor,
                            const std::vector<int>& allowed) {
  std::vector<double> weights;
  double largest = -std::numeric_limits<double>::infinity();
  for (int j : allowed) {
    weights.push_back(q.dot(k.row(j)) / divisor);
    largest = std::max(largest, weights.back());
  }
  double sum = 0;
  for (double& weight : weights) sum += weight = std::exp(weight - largest);
  for (double& weight : weights) weight /= sum;
  return weights;
}

double NegativeLogLikelihood(const RowVector& logits, TokenId id) {
  const double largest = logits.maxCoeff();
  return largest + std::log((logits.array() - largest).exp().sum()) - logits(id);
}

// The tokens that n may read: itself and what is kept.
std::vector<int> Allowed(const std::vector<bool>& kept, int n) {
  std::vector<int> allowed;
  for (int j = 0; j <= n; ++j) {
    if (kept[j]) allowed.push_back(j);
  }
  return allowed;
}

}  // namespace

int OracleResult::FirstDoubtful(double epsilon) const {
  int first = static_cast<int>(logits.rows());
  for (const std::vector<double>& layer : margin) {
    const auto it = std::find_if(layer.begin(), layer.end(), [&](double m) { return m < epsilon; });
    first = std::min(first, static_cast<int>(it - layer.begin()));
  }
  return first;
}

Oracle::Oracle(const Checkpoint& checkpoint) : config_(checkpoint.config()) {
  wte_ = ReadMatrix(checkpoint, "wte.weight", config_.vocab_size, config_.n_embd);
  wpe_ = ReadMatrix(checkpoint, "wpe.weight", config_.n_positions, config_.n_embd);
  for (int l = 0; l < config_.n_layer; ++l) layers_.push_back(ReadLayer(checkpoint, l));
  if (!config_.tie_word_embeddings) {
    lm_head_ = ReadMatrix(checkpoint, "lm_head.weight", config_.vocab_size, config_.n_embd);
  }
  ln_f_weight_ = ReadVector(checkpoint, "ln_f.weight", config_.n_embd);
  ln_f_bias_ = ReadVector(checkpoint, "ln_f.bias", config_.n_embd);
}

void Oracle::Attention(int index, const PolicySpec& spec, Matrix& x, OracleResult& result) const {
  const OracleLayer& layer = layers_[index];
  const double divisor = AttentionDivisor(config_, index);
  const int tokens = static_cast<int>(x.rows());
  const int c = config_.n_embd;
  const int d = config_.head_dim();
  const Matrix normed = LayerNorm(x, layer.ln_1_weight, layer.ln_1_bias, config_.layer_norm_epsilon);
  const Matrix qkv = Linear(normed, layer.c_attn_weight, layer.c_attn_bias);
  Matrix scores;  // [T, T]
  if (config_.int_n_embd > 0) {
    const Matrix q_int = normed * layer.q_int_weight.transpose();
    const Matrix k_int = normed * layer.k_int_weight.transpose();
    scores = (q_int * k_int.transpose()) / std::sqrt(static_cast<double>(config_.int_n_embd));
    scores.array() += layer.int_bias;
  }

  Matrix mixed = Matrix::Zero(tokens, c);
  std::vector<bool> kept(tokens, false);
  std::vector<double> received(tokens, 0.0);
  std::vector<int32_t> dropped_at(tokens, -1);
  std::vector<int> decided_by(tokens, -1);
  std::vector<double> margin;
  for (int n = 0; n < tokens; ++n) {
    kept[n] = true;
    const TokenView view{n, scores.size() > 0 ? scores.row(n).data() : nullptr, received.data()};
    const bool waits = result.delay > 0 && spec.kind == PolicySpec::Kind::kLearned;
    margin.push_back(waits ? DropWithDelay(spec, view, result.delay, decided_by, kept)
                           : DropForToken(spec, view, kept));
    for (int j = 0; j < n; ++j) {
      if (!kept[j] && dropped_at[j] < 0) dropped_at[j] = n;
    }
    const std::vector<int> allowed = Allowed(kept, n);
    for (int h = 0; h < config_.n_head; ++h) {
      const auto weights = Softmax(qkv.row(n).segment(h * d, d), qkv.middleCols(c + h * d, d), divisor, allowed);
      for (size_t i = 0; i < allowed.size(); ++i) {
        mixed.row(n).segment(h * d, d) += weights[i] * qkv.row(allowed[i]).segment(2 * c + h * d, d);
        received[allowed[i]] += weights[i];
      }
    }
  }
  x += Linear(mixed, layer.c_proj_weight, layer.c_proj_bias);

  result.kept.emplace_back();
  for (int j : Allowed(kept, tokens - 1)) result.kept.back().push_back(j);
  result.dropped_at.push_back(std::move(dropped_at));
  result.margin.push_back(std::move(margin));
  result.scores.push_back(std::move(scores));
}

OracleResult Oracle::Run(std::span<const TokenId> ids, const PolicySpec& spec) const {
  const int tokens = static_cast<int>(ids.size());
  OracleResult result;
  if (spec.Has(PolicySpec::Kind::kLearned)) result.delay = config_.eviction_delay;
  Matrix x(tokens, config_.n_embd);
  for (int t = 0; t < tokens; ++t) x.row(t) = wte_.row(ids[t]) + wpe_.row(t);
  for (int l = 0; l < config_.n_layer; ++l) {
    Attention(l, RuleOfLayer(spec, l), x, result);
    AddMlp(layers_[l], config_, x);
  }
  const Matrix& output = config_.tie_word_embeddings ? wte_ : lm_head_;
  result.logits = LayerNorm(x, ln_f_weight_, ln_f_bias_, config_.layer_norm_epsilon) * output.transpose();
  for (int t = 0; t + 1 < tokens; ++t) {
    result.nll.push_back(NegativeLogLikelihood(result.logits.row(t), ids[t + 1]));
  }
  if (tokens > 1) {
    double kept_earlier = 0;
    for (const auto& kept : result.kept) kept_earlier += static_cast<double>(kept.size()) - 1.0;
    result.sparsity = 1.0 - kept_earlier / (static_cast<double>(config_.n_layer) * (tokens - 1));
  }
  return result;
}

}  // namespace dcp::reference
