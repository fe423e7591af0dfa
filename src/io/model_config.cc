#include "dcp/model_config.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "dcp/error.h"
#include "io/config_reader.h"
#include "io/gpt2_tensors.h"
#include "io/lora.h"

namespace dcp {
namespace {

// A sum of products that remembers whether it ever left 63 bits.
class Counter {
 public:
  void Add(int64_t times, const std::vector<int64_t>& shape) {
    int64_t product = times;
    for (const int64_t factor : shape) {
      if (factor > 0 && product > kMax / factor) overflow_ = true;
      product = overflow_ ? 0 : product * factor;
    }
    if (total_ > kMax - product) overflow_ = true;
    total_ = overflow_ ? kMax : total_ + product;
  }

  int64_t total() const { return overflow_ ? kMax : total_; }

 private:
  static constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  int64_t total_ = 0;
  bool overflow_ = false;
};

[[noreturn]] void Fail(const std::string& source, const std::string& what) {
  throw Error(ErrorCode::kInvalidModel, source + ": " + what);
}

void CheckPositive(const std::string& source, const char* field, int value) {
  if (value < 1) Fail(source, std::string(field) + " is " + std::to_string(value) + ", expected at least 1");
}

// How many rows a table has: as many as its tensor, where that is known, which a config may be wrong about or silent.
int RowsOf(const JsonReader& field, const char* tensor, std::optional<int> rows, Warnings* warnings) {
  if (!rows) return field.Integer(1);
  if (field.present() && field.Integer(1) != *rows) {
    const std::string count = std::to_string(*rows);
    Warn(warnings, field.Complaint(count + ", the rows of " + tensor + ": there are " + count));
  }
  return *rows;
}

ModelConfig ReadConfig(const std::filesystem::path& config_json, const TableRows& rows, Warnings* warnings) {
  const nlohmann::json json = LoadJsonObject(config_json);
  const JsonReader reader(json, config_json.string());
  ModelConfig config;
  ReadVariant(reader, config, warnings);
  // The second names are those that transformers takes, too.
  config.n_layer = AnyOf(reader, {"n_layer", "num_hidden_layers"}).Integer(1);
  config.n_head = AnyOf(reader, {"n_head", "num_attention_heads"}).Integer(1);
  config.n_embd = AnyOf(reader, {"n_embd", "hidden_size"}).Integer(1);
  config.n_positions = RowsOf(AnyOf(reader, {"n_positions", "max_position_embeddings", "n_ctx"}), "wpe.weight",
                              rows.positions, warnings);
  config.vocab_size = RowsOf(reader["vocab_size"], "wte.weight", rows.vocab, warnings);
  config.n_inner = ReadInnerWidth(reader, config.n_embd);
  const InteractionFields interaction = ReadInteraction(reader).value_or(InteractionFields{});
  config.int_n_embd = interaction.width;
  config.eviction_delay = interaction.delay;
  if (const JsonReader epsilon = reader["layer_norm_epsilon"]; epsilon.present()) {
    config.layer_norm_epsilon = static_cast<float>(epsilon.Number());
  }
  ReadEndTokens(reader, config, warnings);
  config.Validate(config_json.string());
  return config;
}

}  // namespace

ModelConfig WithAdapterConfig(const ModelConfig& base, const std::filesystem::path& base_path,
                              const std::filesystem::path& adapter_path) {
  const nlohmann::json json = LoadJsonObject(adapter_path);
  const JsonReader reader(json, adapter_path.string());
  const std::string base_says = ", as " + base_path.string() + " says";
  const auto agree = [&](const JsonReader& field, int expected) {
    if (field.MaybeInteger().value_or(expected) != expected) field.Fail(std::to_string(expected) + base_says);
  };
  CheckModelType(reader);
  agree(reader["n_layer"], base.n_layer);
  agree(reader["n_head"], base.n_head);
  agree(reader["n_embd"], base.n_embd);
  agree(reader["n_inner"], base.n_inner);
  agree(reader["n_positions"], base.n_positions);
  agree(reader["vocab_size"], base.vocab_size);
  const JsonReader epsilon = reader["layer_norm_epsilon"];
  if (static_cast<float>(epsilon.MaybeNumber().value_or(base.layer_norm_epsilon)) != base.layer_norm_epsilon) {
    epsilon.Fail(Describe(base.layer_norm_epsilon) + base_says);
  }
  const std::optional<InteractionFields> interaction = ReadInteraction(reader);
  if (!interaction) reader["dcp"].Fail("{\"version\": 1, \"int_n_embd\": R}");
  if (base.int_n_embd > 0) agree(reader["dcp"]["int_n_embd"], base.int_n_embd);
  ModelConfig combined = base;
  combined.int_n_embd = interaction->width;
  combined.eviction_delay = interaction->delay;
  combined.Validate(adapter_path.string());
  return combined;
}

float ModelConfig::AttentionFactor(int layer) const {
  float factor = 1.0f;
  if (!scale_attn_weights) factor *= std::sqrt(static_cast<float>(head_dim()));
  if (scale_attn_by_inverse_layer_idx) factor /= static_cast<float>(layer + 1);
  return factor;
}

int64_t ModelConfig::ParameterCount() const {
  Counter count;
  ModelConfig one_layer = *this;
  one_layer.n_layer = 1;
  ForEachTensor(one_layer, [&](const TensorSpec& spec) { count.Add(spec.layer ? n_layer : 1, spec.shape); });
  return count.total();
}

void ModelConfig::Validate(const std::string& source) const {
  CheckPositive(source, "n_layer", n_layer);
  CheckPositive(source, "n_head", n_head);
  CheckPositive(source, "n_embd", n_embd);
  CheckPositive(source, "n_inner", n_inner);
  CheckPositive(source, "n_positions", n_positions);
  CheckPositive(source, "vocab_size", vocab_size);
  if (int_n_embd < 0) Fail(source, "dcp.int_n_embd is " + std::to_string(int_n_embd) + ", expected 0 or more");
  if (eviction_delay < 0 || eviction_delay > n_positions) {
    Fail(source, "dcp.eviction_delay is " + std::to_string(eviction_delay) + ", expected 0 .. n_positions, which is " +
                     std::to_string(n_positions));
  }
  if (n_embd % n_head != 0) {
    Fail(source,
         "n_embd is " + std::to_string(n_embd) + ", not a multiple of n_head, which is " + std::to_string(n_head));
  }
  if (!std::isfinite(layer_norm_epsilon) || layer_norm_epsilon <= 0) {
    Fail(source, "layer_norm_epsilon is " + std::to_string(layer_norm_epsilon) + ", expected a positive number");
  }
  // Row widths are held in int: q, k, v and both interaction vectors of a token stand in one row.
  constexpr int64_t kMaxInt = std::numeric_limits<int>::max();
  if (int64_t{3} * n_embd + int64_t{2} * int_n_embd > kMaxInt) {
    Fail(source, "n_embd is " + std::to_string(n_embd) + " and dcp.int_n_embd is " + std::to_string(int_n_embd) +
                     ", together too wide (3 n_embd + 2 int_n_embd must be below 2^31)");
  }
  if (ParameterCount() > std::numeric_limits<int64_t>::max() / 8) {
    Fail(source, "n_layer " + std::to_string(n_layer) + ", n_embd " + std::to_string(n_embd) + ", n_inner " +
                     std::to_string(n_inner) + ", vocab_size " + std::to_string(vocab_size) +
                     ": the number of weights overflows");
  }
}

ModelConfig LoadModelConfig(const std::filesystem::path& config_json, Warnings* warnings) {
  return ReadConfig(config_json, {}, warnings);
}

ModelConfig ReadBaseConfig(const std::filesystem::path& directory, const TableRows& rows, Warnings* warnings) {
  ModelConfig config = ReadConfig(directory / "config.json", rows, warnings);
  const std::filesystem::path generation = directory / "generation_config.json";
  std::error_code unknown;  // where it cannot be told whether there is one, reading it says why
  if (std::filesystem::exists(generation, unknown) || unknown) {
    const nlohmann::json json = LoadJsonObject(generation);
    ReadEndTokens(JsonReader(json, generation.string()), config, warnings);
  }
  return config;
}

ModelConfig ReadModelConfig(const std::filesystem::path& directory, const std::filesystem::path& adapter,
                            Warnings* warnings) {
  const ModelConfig base = ReadBaseConfig(directory, {}, warnings);
  if (adapter.empty() || LoraAdapter::IsIn(adapter)) return base;
  return WithAdapterConfig(base, directory / "config.json", adapter / "config.json");
}

}  // namespace dcp
