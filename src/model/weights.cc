#include "model/weights.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "dcp/error.h"
#include "io/gpt2_tensors.h"
#include "support/hash.h"
#include "support/random.h"

namespace dcp {
namespace {

// Where weights come from: gives a tensor as float32, row-major.
using TensorSource = std::function<std::vector<float>(const TensorSpec& spec)>;

AlignedBuffer<float> Padded(const std::vector<float>& values) {
  AlignedBuffer<float> padded(RoundUp(values.size(), kPanel));
  std::copy(values.begin(), values.end(), padded.data());
  return padded;
}

class Builder {
 public:
  Builder(const ModelConfig& config, WeightType type, TensorSource source)
      : config_(config), dims_(config), type_(type), source_(std::move(source)) {
    ForEachTensor(config, [&](const TensorSpec& spec) { left_.emplace(spec.name, spec); });
  }

  ModelWeights Build() {
    ModelWeights weights;
    weights.dims = dims_;
    weights.token_embedding = PackTable(Take("wte.weight"));
    const std::vector<float> positions = Take("wpe.weight").values;
    weights.position_embedding = AlignedBuffer<float>(positions.size());
    std::copy(positions.begin(), positions.end(), weights.position_embedding.data());
    for (int i = 0; i < config_.n_layer; ++i) weights.layers.push_back(Layer(LayerPrefix(i)));
    weights.ln_f = Norm("ln_f");
    if (!config_.tie_word_embeddings) weights.lm_head = PackTable(Take("lm_head.weight"));
    if (!left_.empty())
      throw Error(ErrorCode::kInternal, "tensor " + left_.begin()->first + " has no place in a model");
    return weights;
  }

 private:
  struct Tensor {
    TensorSpec spec;
    std::vector<float> values;
  };

  Tensor Take(const std::string& name) {
    const auto node = left_.extract(name);
    if (node.empty()) throw Error(ErrorCode::kInternal, "tensor " + name + " is not listed");
    return {node.mapped(), source_(node.mapped())};
  }

  // [in, out] of a layer.
  PackedMatrix Pack(const Tensor& tensor) const {
    return PackedMatrix::Pack(type_, static_cast<size_t>(tensor.spec.shape[0]),
                              static_cast<size_t>(tensor.spec.shape[1]), tensor.values.data(), false);
  }

  // [V, C], an embedding or the output: 4 bits would cost these more than they cost a layer.
  PackedMatrix PackTable(const Tensor& tensor) const {
    const WeightType type = type_ == WeightType::kI4 ? WeightType::kI8 : type_;
    return PackedMatrix::Pack(type, static_cast<size_t>(tensor.spec.shape[1]),
                              static_cast<size_t>(tensor.spec.shape[0]), tensor.values.data(), true);
  }

  LayerNormWeights Norm(const std::string& name) {
    AlignedBuffer<float> weight = Padded(Take(name + ".weight").values);
    return {std::move(weight), Padded(Take(name + ".bias").values)};
  }

  LinearWeights Linear(const std::string& name) {
    PackedMatrix matrix = Pack(Take(name + ".weight"));
    return {std::move(matrix), Padded(Take(name + ".bias").values)};
  }

  // q, k, v and the interaction projections all read LN1(x): one product computes them.
  LinearWeights FusedInput(const std::string& layer) {
    const size_t c = dims_.width;
    const size_t r = dims_.int_width;
    const size_t out = 3 * c + 2 * r;
    std::vector<float> fused(c * out);
    const std::vector<float> qkv = Take(layer + "attn.c_attn.weight").values;
    for (size_t i = 0; i < c; ++i) std::copy_n(qkv.data() + i * 3 * c, 3 * c, fused.data() + i * out);
    if (r > 0) {
      CopyTransposed(Take(layer + "attn.q_int.weight").values, out, fused.data() + 3 * c);
      CopyTransposed(Take(layer + "attn.k_int.weight").values, out, fused.data() + 3 * c + r);
    }
    std::vector<float> bias = Take(layer + "attn.c_attn.bias").values;
    bias.resize(out);
    return {PackedMatrix::Pack(type_, c, out, fused.data(), false), Padded(bias)};
  }

  // `weight` is [R, C], stored like torch.nn.Linear; it becomes R columns of a matrix whose rows are `stride` apart.
  void CopyTransposed(const std::vector<float>& weight, size_t stride, float* out) const {
    for (size_t r = 0; r < dims_.int_width; ++r) {
      for (size_t i = 0; i < dims_.width; ++i) out[i * stride + r] = weight[r * dims_.width + i];
    }
  }

  LayerWeights Layer(const std::string& prefix) {
    LayerWeights layer;
    layer.ln_1 = Norm(prefix + "ln_1");
    layer.qkv_int = FusedInput(prefix);
    if (dims_.int_width > 0) layer.beta = Take(prefix + "attn.int_bias").values[0];
    layer.attn_proj = Linear(prefix + "attn.c_proj");
    layer.ln_2 = Norm(prefix + "ln_2");
    layer.fc = Linear(prefix + "mlp.c_fc");
    layer.mlp_proj = Linear(prefix + "mlp.c_proj");
    return layer;
  }

  ModelConfig config_;
  Dimensions dims_;
  WeightType type_;
  TensorSource source_;
  std::map<std::string, TensorSpec> left_;  // not yet packed
};

// Bell-shaped with standard deviation 1: the sum of four uniform 16-bit numbers, from one hash.
float BellShaped(uint64_t hash) {
  const auto sum = static_cast<float>((hash & 0xFFFF) + (hash >> 16 & 0xFFFF) + (hash >> 32 & 0xFFFF) + (hash >> 48));
  return (sum - 2.0f * 65535.0f) * (1.7320508f / 65535.0f);
}

// Values of a new tensor. What is drawn moves `stream` on, in the order of the calls.
std::vector<float> Draw(const TensorSpec& spec, uint64_t& stream) {
  constexpr float kDeviation = 0.02f;
  constexpr float kInteractionBias = 2.0f;
  std::vector<float> values(static_cast<size_t>(spec.size()));
  switch (spec.role) {
    case TensorRole::kBias:
    case TensorRole::kNormBias:
      break;
    case TensorRole::kNormWeight:
      std::fill(values.begin(), values.end(), 1.0f);
      break;
    case TensorRole::kInteractionBias:
      std::fill(values.begin(), values.end(), kInteractionBias);
      break;
    case TensorRole::kEmbedding:
    case TensorRole::kMatrix:
    case TensorRole::kQkvMatrix:
    case TensorRole::kResidualMatrix:
    case TensorRole::kInteractionMatrix:
    case TensorRole::kOutputMatrix:
      stream = Mix(stream + kGoldenGamma);
      for (size_t i = 0; i < values.size(); ++i) values[i] = kDeviation * BellShaped(Mix(stream + i));
  }
  return values;
}

void HashBytes(uint64_t& hash, const void* data, size_t size) { hash = WordHash(hash, data, size); }

// What a config says beyond the shape of the published GPT-2. Nothing is added for one like it, whose fingerprint is
// that of earlier versions.
void HashVariant(uint64_t& hash, const ModelConfig& config) {
  const ModelConfig plain;
  if (config.activation == plain.activation && config.scale_attn_weights == plain.scale_attn_weights &&
      config.scale_attn_by_inverse_layer_idx == plain.scale_attn_by_inverse_layer_idx) {
    return;
  }
  const int variant[] = {static_cast<int>(config.activation), config.scale_attn_weights,
                         config.scale_attn_by_inverse_layer_idx};
  HashBytes(hash, variant, sizeof(variant));
}

void HashMatrix(uint64_t& hash, const PackedMatrix& matrix) {
  const auto type = static_cast<int>(matrix.type());
  HashBytes(hash, &type, sizeof(type));
  HashBytes(hash, matrix.panel(0), matrix.bytes());
}

void HashBuffer(uint64_t& hash, const AlignedBuffer<float>& buffer) {
  HashBytes(hash, buffer.data(), buffer.size() * sizeof(float));
}

}  // namespace

ModelWeights LoadWeights(const Checkpoint& checkpoint, WeightType type) {
  return Builder(checkpoint.config(), type,
                 [&](const TensorSpec& spec) { return checkpoint.Read(spec.name, spec.shape); })
      .Build();
}

ModelWeights RandomWeights(const ModelConfig& config, uint64_t seed, WeightType type) {
  uint64_t stream = Mix(seed);
  return Builder(config, type, [&](const TensorSpec& spec) { return Draw(spec, stream); }).Build();
}

size_t ModelWeights::bytes() const {
  const auto norm = [](const LayerNormWeights& n) { return (n.weight.size() + n.bias.size()) * sizeof(float); };
  const auto linear = [](const LinearWeights& l) { return l.matrix.bytes() + l.bias.size() * sizeof(float); };
  size_t total = token_embedding.bytes() + position_embedding.size() * sizeof(float) + norm(ln_f);
  if (lm_head) total += lm_head->bytes();
  for (const LayerWeights& layer : layers) {
    total += norm(layer.ln_1) + norm(layer.ln_2) + linear(layer.qkv_int) + linear(layer.attn_proj) + linear(layer.fc) +
             linear(layer.mlp_proj);
  }
  return total;
}

uint64_t Fingerprint(const ModelConfig& config, const ModelWeights& weights) {
  uint64_t hash = kFnvBasis;
  const int shape[] = {config.n_layer,     config.n_head,     config.n_embd,    config.n_inner,
                       config.n_positions, config.vocab_size, config.int_n_embd};
  HashBytes(hash, shape, sizeof(shape));
  HashBytes(hash, &config.layer_norm_epsilon, sizeof(float));
  if (config.eviction_delay > 0) HashBytes(hash, &config.eviction_delay, sizeof(int));
  HashVariant(hash, config);
  HashMatrix(hash, weights.token_embedding);
  if (weights.lm_head) HashMatrix(hash, *weights.lm_head);
  HashBuffer(hash, weights.position_embedding);
  HashBuffer(hash, weights.ln_f.weight);
  HashBuffer(hash, weights.ln_f.bias);
  for (const LayerWeights& layer : weights.layers) {
    for (const LayerNormWeights* norm : {&layer.ln_1, &layer.ln_2}) {
      HashBuffer(hash, norm->weight);
      HashBuffer(hash, norm->bias);
    }
    for (const LinearWeights* linear : {&layer.qkv_int, &layer.attn_proj, &layer.fc, &layer.mlp_proj}) {
      HashMatrix(hash, linear->matrix);
      HashBuffer(hash, linear->bias);
    }
    HashBytes(hash, &layer.beta, sizeof(float));
  }
  return hash;
}

}  // namespace dcp
