#include "io/config_reader.h"

#include <limits>
#include <string>
#include <string_view>

namespace dcp {
namespace {

struct ActivationName {
  std::string_view name;
  Activation activation;
};

// As transformers names them; several names may mean one function.
constexpr ActivationName kActivationNames[] = {
    {"gelu_new", Activation::kGeluTanh},
    {"gelu_pytorch_tanh", Activation::kGeluTanh},
    {"gelu_fast", Activation::kGeluTanh},
    {"gelu_accurate", Activation::kGeluTanh},
    {"gelu", Activation::kGelu},
    {"gelu_python", Activation::kGelu},
    {"quick_gelu", Activation::kQuickGelu},
    {"silu", Activation::kSilu},
    {"swish", Activation::kSilu},
    {"relu", Activation::kRelu},
    {"tanh", Activation::kTanh},
    {"linear", Activation::kIdentity},
};

Activation ReadActivation(const JsonReader& field) {
  std::string known;
  for (const auto& [name, activation] : kActivationNames) {
    if (field.json().is_string() && field.Text() == name) return activation;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  field.Fail("one of " + known);
}

// The id, if the model has it.
std::optional<TokenId> ReadTokenId(const JsonReader& field, int vocab_size, Warnings* warnings) {
  const auto id = field.Integer<int64_t>();
  if (id >= 0 && id < vocab_size) return static_cast<TokenId>(id);
  Warn(warnings, field.Complaint("0 to " + std::to_string(vocab_size - 1) + ", the model's vocabulary: is left out"));
  return std::nullopt;
}

// True or false; `by_default` where absent.
bool ReadFlag(const JsonReader& field, bool by_default) { return field.present() ? field.Flag() : by_default; }

}  // namespace

std::optional<InteractionFields> ReadInteraction(const JsonReader& config) {
  const JsonReader dcp = config["dcp"];
  if (!dcp.present()) return std::nullopt;
  if (dcp["version"].Integer() != 1) dcp["version"].Fail("1");
  return InteractionFields{dcp["int_n_embd"].Integer(1), dcp["eviction_delay"].MaybeInteger().value_or(0)};
}

JsonReader AnyOf(const JsonReader& config, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (const JsonReader field = config[name]; field.present()) return field;
  }
  return config[*names.begin()];
}

int ReadInnerWidth(const JsonReader& config, int n_embd) {
  if (const JsonReader inner = config["n_inner"]; inner.present()) return inner.Integer(1);
  if (n_embd > std::numeric_limits<int>::max() / 4) {
    config["n_embd"].Fail("at most " + std::to_string(std::numeric_limits<int>::max() / 4) +
                          ", as n_inner is 4 n_embd");
  }
  return 4 * n_embd;
}

void ReadEndTokens(const JsonReader& reader, ModelConfig& config, Warnings* warnings) {
  if (const JsonReader bos = reader["bos_token_id"]; bos.present()) {
    config.bos_token_id = ReadTokenId(bos, config.vocab_size, warnings);
  }
  const JsonReader eos = reader["eos_token_id"];
  if (!eos.present()) return;
  config.eos_token_ids.clear();
  const bool is_list = eos.json().is_array();
  for (size_t i = 0; i < (is_list ? eos.Size() : 1); ++i) {
    const std::optional<TokenId> id = ReadTokenId(is_list ? eos[i] : eos, config.vocab_size, warnings);
    if (id && !config.IsEndOfText(*id)) config.eos_token_ids.push_back(*id);
  }
}

void ReadVariant(const JsonReader& reader, ModelConfig& config, Warnings* warnings) {
  CheckModelType(reader);
  if (!reader["model_type"].present()) Warn(warnings, reader["model_type"].Complaint("\"gpt2\": is read as that"));
  if (const JsonReader activation = reader["activation_function"]; activation.present()) {
    config.activation = ReadActivation(activation);
  }
  config.scale_attn_weights = ReadFlag(reader["scale_attn_weights"], true);
  config.scale_attn_by_inverse_layer_idx = ReadFlag(reader["scale_attn_by_inverse_layer_idx"], false);
  config.tie_word_embeddings = ReadFlag(reader["tie_word_embeddings"], true);
  if (const JsonReader cross = reader["add_cross_attention"]; ReadFlag(cross, false)) cross.Fail("false");
}

void CheckModelType(const JsonReader& config) {
  if (const JsonReader type = config["model_type"]; type.present()) (void)type.Choice({"gpt2"});
}

}  // namespace dcp
