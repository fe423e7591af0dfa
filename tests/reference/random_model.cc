#include "tests/reference/random_model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <string>

namespace dcp::reference {
namespace {

using Json = nlohmann::ordered_json;

// Drops all but `bits` bits of the mantissa.
float RoundMantissa(float value, int bits) {
  const uint32_t low = 1u << (23 - bits);
  const uint32_t word = std::bit_cast<uint32_t>(value);
  return std::bit_cast<float>((word + low / 2) & ~(low - 1));
}

// Integers times one power of two, with a 127 among them: quantising such a block again gives the same block.
void RoundBlockToI8(float* values, size_t count, size_t step) {
  float largest = 0;
  size_t where = 0;
  for (size_t i = 0; i < count; ++i) {
    if (std::abs(values[i * step]) > largest) {
      largest = std::abs(values[i * step]);
      where = i;
    }
  }
  if (largest == 0) return;
  const float unit = std::exp2(std::round(std::log2(largest / 127.0f)));
  for (size_t i = 0; i < count; ++i) {
    values[i * step] = std::clamp(std::round(values[i * step] / unit), -127.0f, 127.0f) * unit;
  }
  values[where * step] = std::copysign(127.0f * unit, values[where * step]);
}

// Collects tensors in the order in which they are drawn, and writes them as one safetensors file.
class TensorFile {
 public:
  TensorFile(uint64_t seed, WeightType exact_in) : random_(seed), exact_in_(exact_in) {}

  // Normally distributed values [rows, columns] (columns 0: a vector). `inputs_first`: stored [in, out].
  void Draw(const std::string& name, int64_t rows, int64_t columns, double mean, double deviation,
            bool inputs_first = false) {
    const size_t count = static_cast<size_t>(rows * std::max<int64_t>(columns, 1));
    std::vector<float> values(count);
    std::normal_distribution<double> normal(mean, deviation);
    for (float& value : values) value = static_cast<float>(normal(random_));
    Round(values, rows, columns, inputs_first);
    Json shape = Json::array({rows});
    if (columns > 0) shape.push_back(columns);
    const size_t begin = data_.size() * sizeof(float);
    data_.insert(data_.end(), values.begin(), values.end());
    header_[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, data_.size() * sizeof(float)}}};
  }

  void Write(const std::filesystem::path& path) const {
    const std::string header = header_.dump();
    const uint64_t size = header.size();
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&size), sizeof(size));
    file.write(header.data(), static_cast<std::streamsize>(size));
    file.write(reinterpret_cast<const char*>(data_.data()), static_cast<std::streamsize>(data_.size() * sizeof(float)));
    if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
  }

 private:
  void Round(std::vector<float>& values, int64_t rows, int64_t columns, bool inputs_first) const {
    if (exact_in_ == WeightType::kBF16 || exact_in_ == WeightType::kF16) {
      // Seven bits suit both types; what float16 could only hold as a subnormal number becomes zero.
      for (float& value : values) value = std::abs(value) < 1e-4f ? 0.0f : RoundMantissa(value, 7);
    }
    if (exact_in_ != WeightType::kI8 || columns == 0) return;
    const int64_t outputs = inputs_first ? columns : rows;
    const int64_t inputs = inputs_first ? rows : columns;
    for (int64_t out = 0; out < outputs; ++out) {
      for (int64_t in = 0; in < inputs; in += 32) {
        float* block = values.data() + (inputs_first ? in * columns + out : out * columns + in);
        RoundBlockToI8(block, std::min<int64_t>(32, inputs - in), inputs_first ? columns : 1);
      }
    }
  }

  std::mt19937_64 random_;
  WeightType exact_in_;
  Json header_ = Json::object();
  std::vector<float> data_;
};

void DrawLayer(const RandomModelOptions& options, int layer, TensorFile& file) {
  const int c = options.heads * options.head_dim;
  const int r = options.int_dim;
  const std::string h = "h." + std::to_string(layer) + ".";
  const double sqrt_c = std::sqrt(static_cast<double>(c));
  file.Draw(h + "ln_1.weight", c, 0, 1.0, 0.1);
  file.Draw(h + "ln_1.bias", c, 0, 0.0, 0.1);
  file.Draw(h + "attn.c_attn.weight", c, 3 * c, 0.0, 1.2 / sqrt_c, true);
  file.Draw(h + "attn.c_attn.bias", 3 * c, 0, 0.0, 0.1);
  file.Draw(h + "attn.c_proj.weight", c, c, 0.0, 0.7 / sqrt_c, true);
  file.Draw(h + "attn.c_proj.bias", c, 0, 0.0, 0.1);
  file.Draw(h + "ln_2.weight", c, 0, 1.0, 0.1);
  file.Draw(h + "ln_2.bias", c, 0, 0.0, 0.1);
  file.Draw(h + "mlp.c_fc.weight", c, 4 * c, 0.0, 0.8 / sqrt_c, true);
  file.Draw(h + "mlp.c_fc.bias", 4 * c, 0, 0.0, 0.1);
  file.Draw(h + "mlp.c_proj.weight", 4 * c, c, 0.0, 0.3 / sqrt_c, true);
  file.Draw(h + "mlp.c_proj.bias", c, 0, 0.0, 0.1);
  if (r == 0) return;
  // The scores s(n, j) then spread by about 0.8 around beta.
  const double deviation = std::sqrt(0.8 / c);
  const double beta = options.int_bias + 0.6 * (layer - 0.5 * (options.layers - 1)) / options.layers;
  file.Draw(h + "attn.q_int.weight", r, c, 0.0, deviation);
  file.Draw(h + "attn.k_int.weight", r, c, 0.0, deviation);
  file.Draw(h + "attn.int_bias", 1, 0, beta, 0.05);
}

}  // namespace

void WriteRandomModel(const RandomModelOptions& options, const std::filesystem::path& directory) {
  const int c = options.heads * options.head_dim;
  Json config = {{"model_type", "gpt2"},
                 {"activation_function", "gelu_new"},
                 {"n_layer", options.layers},
                 {"n_head", options.heads},
                 {"n_embd", c},
                 {"n_positions", options.positions},
                 {"n_inner", nullptr},
                 {"vocab_size", options.vocab},
                 {"layer_norm_epsilon", 1e-5},
                 {"eos_token_id", options.vocab - 1}};
  if (options.int_dim > 0) config["dcp"] = {{"version", 1}, {"int_n_embd", options.int_dim}};

  TensorFile file(options.seed, options.exact_in);
  file.Draw("wte.weight", options.vocab, c, 0.0, 0.5);
  file.Draw("wpe.weight", options.positions, c, 0.0, 0.3);
  for (int layer = 0; layer < options.layers; ++layer) DrawLayer(options, layer, file);
  file.Draw("ln_f.weight", c, 0, 1.0, 0.1);
  file.Draw("ln_f.bias", c, 0, 0.0, 0.1);

  std::filesystem::create_directories(directory);
  std::ofstream(directory / "config.json") << config.dump(1) << "\n";
  file.Write(directory / "model.safetensors");
}

std::vector<TokenId> RandomIds(int count, int vocab, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<TokenId> ids(count);
  for (TokenId& id : ids) id = static_cast<TokenId>(random() % static_cast<uint64_t>(vocab));
  return ids;
}

}  // namespace dcp::reference
