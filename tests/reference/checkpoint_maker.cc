#include "tests/reference/checkpoint_maker.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <random>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "support/half.h"
#include "writers/safetensors_writer.h"

namespace dcp::reference {
namespace {

namespace fs = std::filesystem;

// Normal numbers that do not depend on the standard library at hand, as std::normal_distribution does.
class Normal {
 public:
  explicit Normal(uint64_t seed) : engine_(seed) {}

  float Draw(float mean, float deviation) {
    const double u = 1.0 - Uniform();
    const double v = Uniform();
    const double z = std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
    return mean + deviation * static_cast<float>(z);
  }

 private:
  double Uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

  std::mt19937_64 engine_;
};

// Adds tensors to a list, drawing their values.
class TensorList {
 public:
  TensorList(const ModelConfig& config, const MakeOptions& options)
      : config_(config), options_(options), normal_(options.seed) {}

  void Matrix(const std::string& name, int64_t rows, int64_t columns, int input_width) {
    const float automatic = 1.0f / std::sqrt(static_cast<float>(input_width));
    Add(name, {rows, columns}, 0.0f, options_.matrix_std > 0 ? options_.matrix_std : automatic);
  }

  void Vector(const std::string& name, int64_t size, float mean) { Add(name, {size}, mean, 0.1f); }

  void LayerNorm(const std::string& name) {
    Vector(name + ".weight", config_.n_embd, 1.0f);
    Vector(name + ".bias", config_.n_embd, 0.0f);
  }

  // Conv1D: weight [in, out].
  void Linear(const std::string& name, int64_t in, int64_t out) {
    Matrix(name + ".weight", in, out, static_cast<int>(in));
    Vector(name + ".bias", out, 0.0f);
  }

  void Interaction(const std::string& attention) {
    Add(attention + "int_bias", {1}, options_.beta, 0.2f);
    Matrix(attention + "q_int.weight", config_.int_n_embd, config_.n_embd, config_.n_embd);
    Matrix(attention + "k_int.weight", config_.int_n_embd, config_.n_embd, config_.n_embd);
  }

  std::vector<MadeTensor> Take() { return std::move(tensors_); }

 private:
  void Add(const std::string& name, std::vector<int64_t> shape, float mean, float deviation) {
    int64_t size = 1;
    for (const int64_t n : shape) size *= n;
    std::vector<float> values(static_cast<size_t>(size));
    for (float& value : values) value = normal_.Draw(mean, deviation);
    tensors_.push_back({name, std::move(shape), std::move(values)});
  }

  const ModelConfig& config_;
  const MakeOptions& options_;
  Normal normal_;
  std::vector<MadeTensor> tensors_;
};

std::string LayerName(int layer) { return "h." + std::to_string(layer) + "."; }

uint16_t ToBF16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// Finite values within half range only.
uint16_t ToF16(float value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const float magnitude = std::fabs(value);
  // In units of the last place: 2^-24 for subnormals, 2^(e-10) for normals.
  int exponent = -14;
  if (magnitude >= 0x1p-14f) exponent = std::ilogb(magnitude);
  const auto units = static_cast<uint32_t>(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
  return static_cast<uint16_t>(sign | (static_cast<uint32_t>(exponent + 14) * 1024 + units));
}

std::vector<std::byte> Encode(WeightType type, const std::vector<float>& values) {
  const size_t size = type == WeightType::kF32 ? 4 : 2;
  std::vector<std::byte> bytes(values.size() * size);
  for (size_t i = 0; i < values.size(); ++i) {
    if (type == WeightType::kF32) {
      std::memcpy(&bytes[4 * i], &values[i], 4);
    } else {
      const uint16_t bits = type == WeightType::kBF16 ? ToBF16(values[i]) : ToF16(values[i]);
      std::memcpy(&bytes[2 * i], &bits, 2);
    }
  }
  return bytes;
}

DType StoredType(WeightType type) {
  if (type == WeightType::kF16) return DType::kF16;
  return type == WeightType::kBF16 ? DType::kBF16 : DType::kF32;
}

void WriteTensors(const fs::path& path, const std::vector<MadeTensor>& tensors, WeightType type) {
  std::vector<std::vector<std::byte>> bytes;
  std::vector<TensorToWrite> list;
  bytes.reserve(tensors.size());
  for (const MadeTensor& tensor : tensors) {
    bytes.push_back(Encode(type, tensor.values));
    list.push_back({tensor.name, StoredType(type), tensor.shape, bytes.back()});
  }
  WriteSafetensors(path, list, {{"format", "pt"}});
}

void AddExtras(const ModelConfig& config, const MakeOptions& options, std::vector<MadeTensor>& tensors) {
  if (options.attention_buffers) {
    const int64_t p = config.n_positions;
    for (int layer = 0; layer < config.n_layer; ++layer) {
      tensors.push_back(
          {LayerName(layer) + "attn.bias", {1, 1, p, p}, std::vector<float>(static_cast<size_t>(p * p), 1.0f)});
      tensors.push_back({LayerName(layer) + "attn.masked_bias", {}, {-1e4f}});
    }
  }
  if (options.transformer_prefix) {
    for (MadeTensor& tensor : tensors) {
      if (!tensor.name.starts_with("lm_head.")) tensor.name = "transformer." + tensor.name;
    }
  }
  if (options.lm_head) {
    MadeTensor head = tensors.front();
    head.name = "lm_head.weight";
    tensors.push_back(std::move(head));
  }
}

std::string ShardName(int shard, int shards) {
  char name[64];
  std::snprintf(name, sizeof(name), "model-%05d-of-%05d.safetensors", shard + 1, shards);
  return name;
}

void WriteShards(const fs::path& directory, const std::vector<MadeTensor>& tensors, const MakeOptions& options) {
  nlohmann::json map = nlohmann::json::object();
  for (int shard = 0; shard < options.shards; ++shard) {
    std::vector<MadeTensor> part;
    for (size_t i = static_cast<size_t>(shard); i < tensors.size(); i += static_cast<size_t>(options.shards)) {
      map[tensors[i].name] = ShardName(shard, options.shards);
      part.push_back(tensors[i]);
    }
    WriteTensors(directory / ShardName(shard, options.shards), part, options.type);
  }
  const nlohmann::json index = {{"metadata", {{"total_size", 0}}}, {"weight_map", map}};
  WriteText(directory / "model.safetensors.index.json", index.dump(1));
}

nlohmann::ordered_json DcpJson(const ModelConfig& config) {
  nlohmann::ordered_json json = {{"version", 1}, {"int_n_embd", config.int_n_embd}};
  if (config.eviction_delay > 0) json["eviction_delay"] = config.eviction_delay;
  return json;
}

}  // namespace

ModelConfig SmallConfig(int layers, int heads, int head_dim, int int_n_embd, int vocabulary, int positions) {
  ModelConfig config;
  config.n_layer = layers;
  config.n_head = heads;
  config.n_embd = heads * head_dim;
  config.n_inner = 4 * config.n_embd;
  config.n_positions = positions;
  config.vocab_size = vocabulary;
  config.int_n_embd = int_n_embd;
  config.bos_token_id = vocabulary - 1;
  config.eos_token_ids = {vocabulary - 1};
  return config;
}

std::vector<MadeTensor> MakeTensors(const ModelConfig& config, const MakeOptions& options) {
  TensorList list(config, options);
  const int c = config.n_embd;
  list.Matrix("wte.weight", config.vocab_size, c, c);
  list.Matrix("wpe.weight", config.n_positions, c, c);
  for (int layer = 0; layer < config.n_layer; ++layer) {
    const std::string h = LayerName(layer);
    list.LayerNorm(h + "ln_1");
    if (config.int_n_embd > 0) list.Interaction(h + "attn.");
    list.Linear(h + "attn.c_attn", c, int64_t{3} * c);
    list.Linear(h + "attn.c_proj", c, c);
    list.LayerNorm(h + "ln_2");
    list.Linear(h + "mlp.c_fc", c, config.n_inner);
    list.Linear(h + "mlp.c_proj", config.n_inner, c);
  }
  list.LayerNorm("ln_f");
  if (!config.tie_word_embeddings) list.Matrix("lm_head.weight", config.vocab_size, c, c);
  return list.Take();
}

std::vector<MadeTensor> MakeInteractionTensors(const ModelConfig& config, const MakeOptions& options) {
  TensorList list(config, options);
  for (int layer = 0; layer < config.n_layer; ++layer) list.Interaction(LayerName(layer) + "attn.");
  return list.Take();
}

std::string ConfigJson(const ModelConfig& config) {
  nlohmann::ordered_json json = {
      {"model_type", "gpt2"},
      {"architectures", {"GPT2LMHeadModel"}},
      {"activation_function", ToString(config.activation)},
      {"n_layer", config.n_layer},
      {"n_head", config.n_head},
      {"n_embd", config.n_embd},
      {"n_positions", config.n_positions},
      {"n_ctx", config.n_positions},
      {"n_inner", config.n_inner},
      {"vocab_size", config.vocab_size},
      {"layer_norm_epsilon", config.layer_norm_epsilon},
      {"tie_word_embeddings", config.tie_word_embeddings},
  };
  if (config.bos_token_id) json["bos_token_id"] = *config.bos_token_id;
  if (!config.eos_token_ids.empty()) json["eos_token_id"] = config.eos_token_ids[0];
  if (!config.scale_attn_weights) json["scale_attn_weights"] = false;
  if (config.scale_attn_by_inverse_layer_idx) json["scale_attn_by_inverse_layer_idx"] = true;
  if (config.int_n_embd > 0) json["dcp"] = DcpJson(config);
  return json.dump(1);
}

void MakeCheckpoint(const fs::path& directory, const ModelConfig& config, const MakeOptions& options) {
  WriteCheckpoint(directory, config, MakeTensors(config, options), options);
}

void WriteCheckpoint(const fs::path& directory, const ModelConfig& config, const std::vector<MadeTensor>& tensors,
                     const MakeOptions& options) {
  fs::create_directories(directory);
  WriteText(directory / "config.json", ConfigJson(config));
  std::vector<MadeTensor> all = tensors;
  AddExtras(config, options, all);
  if (options.shards > 0) {
    WriteShards(directory, all, options);
  } else {
    WriteTensors(directory / "model.safetensors", all, options.type);
  }
}

void MakeAdapter(const fs::path& directory, const ModelConfig& config, const MakeOptions& options) {
  WriteAdapter(directory, config, MakeInteractionTensors(config, options), options);
}

void WriteAdapter(const fs::path& directory, const ModelConfig& config, const std::vector<MadeTensor>& tensors,
                  const MakeOptions& options) {
  fs::create_directories(directory);
  const nlohmann::ordered_json json = {{"dcp", DcpJson(config)}};
  WriteText(directory / "config.json", json.dump(1));
  std::vector<MadeTensor> all = tensors;
  AddExtras(config, options, all);
  WriteTensors(directory / "adapter.safetensors", all, options.type);
}

float RoundTo(WeightType type, float value) {
  if (type == WeightType::kF16) return FloatFromHalf(ToF16(value));
  if (type == WeightType::kBF16) return std::bit_cast<float>(uint32_t{ToBF16(value)} << 16);
  return value;
}

void WriteText(const fs::path& path, const std::string& text) {
  fs::remove(path);  // some file systems flush a file that is overwritten in place, which makes loops over files slow
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path.string());
}

std::string ReadText(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace dcp::reference
