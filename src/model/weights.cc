#include "model/weights.h"

#include <algorithm>
#include <functional>
#include <string>

#include "support/hash.h"
#include "support/random.h"

namespace dcp {
namespace {

// Where weights come from: gives the named tensor of the given shape as float32, row-major.
using TensorSource = std::function<std::vector<float>(const std::string& name, std::span<const int64_t> shape)>;

AlignedBuffer<float> Padded(const std::vector<float>& values) {
  AlignedBuffer<float> padded(RoundUp(values.size(), kPanel));
  std::copy(values.begin(), values.end(), padded.data());
  return padded;
}

class Builder {
 public:
  Builder(const ModelConfig& config, WeightType type, TensorSource source)
      : config_(config), type_(type), source_(std::move(source)) {}

  ModelWeights Build() const {
    const int64_t c = config_.n_embd;
    ModelWeights weights;
    const std::vector<float> embedding = Tensor("wte.weight", {config_.vocab_size, c});
    weights.token_embedding = PackedMatrix::Pack(type_, static_cast<size_t>(c), static_cast<size_t>(config_.vocab_size),
                                                 embedding.data(), true);
    const std::vector<float> positions = Tensor("wpe.weight", {config_.n_positions, c});
    weights.position_embedding = AlignedBuffer<float>(positions.size());
    std::copy(positions.begin(), positions.end(), weights.position_embedding.data());
    for (int i = 0; i < config_.n_layer; ++i) weights.layers.push_back(Layer("h." + std::to_string(i) + "."));
    weights.ln_f = Norm("ln_f");
    return weights;
  }

 private:
  std::vector<float> Tensor(const std::string& name, std::initializer_list<int64_t> shape) const {
    return source_(name, std::span<const int64_t>(shape.begin(), shape.size()));
  }

  LayerNormWeights Norm(const std::string& name) const {
    return {Padded(Tensor(name + ".weight", {config_.n_embd})), Padded(Tensor(name + ".bias", {config_.n_embd}))};
  }

  LinearWeights Linear(const std::string& name, int64_t in, int64_t out) const {
    const std::vector<float> weight = Tensor(name + ".weight", {in, out});
    return {PackedMatrix::Pack(type_, static_cast<size_t>(in), static_cast<size_t>(out), weight.data(), false),
            Padded(Tensor(name + ".bias", {out}))};
  }

  // q, k, v and the interaction projections all read LN1(x): one product computes them.
  LinearWeights FusedInput(const std::string& layer) const {
    const int64_t c = config_.n_embd;
    const int64_t r = config_.int_n_embd;
    const int64_t out = 3 * c + 2 * r;
    std::vector<float> fused(static_cast<size_t>(c * out));
    const std::vector<float> qkv = Tensor(layer + "attn.c_attn.weight", {c, 3 * c});
    for (int64_t i = 0; i < c; ++i) std::copy_n(qkv.data() + i * 3 * c, 3 * c, fused.data() + i * out);
    if (r > 0) {
      CopyTransposed(Tensor(layer + "attn.q_int.weight", {r, c}), out, fused.data() + 3 * c);
      CopyTransposed(Tensor(layer + "attn.k_int.weight", {r, c}), out, fused.data() + 3 * c + r);
    }
    std::vector<float> bias = Tensor(layer + "attn.c_attn.bias", {3 * c});
    bias.resize(static_cast<size_t>(out));
    return {PackedMatrix::Pack(type_, static_cast<size_t>(c), static_cast<size_t>(out), fused.data(), false),
            Padded(bias)};
  }

  // `weight` is [R, C], stored like torch.nn.Linear; it becomes R columns of a matrix whose rows are `stride` apart.
  void CopyTransposed(const std::vector<float>& weight, int64_t stride, float* out) const {
    const int64_t c = config_.n_embd;
    for (int64_t r = 0; r < config_.int_n_embd; ++r) {
      for (int64_t i = 0; i < c; ++i) out[i * stride + r] = weight[static_cast<size_t>(r * c + i)];
    }
  }

  LayerWeights Layer(const std::string& prefix) const {
    const int64_t c = config_.n_embd;
    LayerWeights layer;
    layer.ln_1 = Norm(prefix + "ln_1");
    layer.qkv_int = FusedInput(prefix);
    if (config_.int_n_embd > 0) layer.beta = Tensor(prefix + "attn.int_bias", {1})[0];
    layer.attn_proj = Linear(prefix + "attn.c_proj", c, c);
    layer.ln_2 = Norm(prefix + "ln_2");
    layer.fc = Linear(prefix + "mlp.c_fc", c, config_.n_inner);
    layer.mlp_proj = Linear(prefix + "mlp.c_proj", config_.n_inner, c);
    return layer;
  }

  ModelConfig config_;
  WeightType type_;
  TensorSource source_;
};

// Bell-shaped with standard deviation 1: the sum of four uniform 16-bit numbers, from one hash.
float BellShaped(uint64_t hash) {
  const auto sum = static_cast<float>((hash & 0xFFFF) + (hash >> 16 & 0xFFFF) + (hash >> 32 & 0xFFFF) + (hash >> 48));
  return (sum - 2.0f * 65535.0f) * (1.7320508f / 65535.0f);
}

bool EndsWith(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

void HashBytes(uint64_t& hash, const void* data, size_t size) { hash = WordHash(hash, data, size); }

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
                 [&](const std::string& name, std::span<const int64_t> shape) { return checkpoint.Read(name, shape); })
      .Build();
}

ModelWeights RandomWeights(const ModelConfig& config, uint64_t seed, WeightType type) {
  constexpr float kDeviation = 0.02f;
  constexpr float kInteractionBias = 2.0f;
  uint64_t stream = Mix(seed);
  return Builder(config, type,
                 [=](const std::string& name, std::span<const int64_t> shape) mutable {
                   int64_t count = 1;
                   for (int64_t n : shape) count *= n;
                   std::vector<float> values(static_cast<size_t>(count));
                   if (EndsWith(name, "int_bias")) {
                     values[0] = kInteractionBias;
                   } else if (EndsWith(name, "bias")) {
                     return values;
                   } else if (name.find("ln_") != std::string::npos) {
                     std::fill(values.begin(), values.end(), 1.0f);
                   } else {
                     stream = Mix(stream + kGoldenGamma);
                     for (size_t i = 0; i < values.size(); ++i) values[i] = kDeviation * BellShaped(Mix(stream + i));
                   }
                   return values;
                 })
      .Build();
}

size_t ModelWeights::bytes() const {
  const auto norm = [](const LayerNormWeights& n) { return (n.weight.size() + n.bias.size()) * sizeof(float); };
  const auto linear = [](const LinearWeights& l) { return l.matrix.bytes() + l.bias.size() * sizeof(float); };
  size_t total = token_embedding.bytes() + position_embedding.size() * sizeof(float) + norm(ln_f);
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
  HashMatrix(hash, weights.token_embedding);
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
