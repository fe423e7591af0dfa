#include "io/config_reader.h"

#include <limits>
#include <string>

namespace dcp {
namespace {

void CheckFlag(const JsonReader& flag, bool required) {
  if (!flag.present() || (flag.json().is_boolean() && flag.Flag() == required)) return;
  flag.Fail(required ? "true" : "false");
}

// The id, if the model has it.
std::optional<TokenId> ReadTokenId(const JsonReader& field, int vocab_size, Warnings* warnings) {
  const auto id = field.Integer<int64_t>();
  if (id >= 0 && id < vocab_size) return static_cast<TokenId>(id);
  Warn(warnings, field.Complaint("0 to " + std::to_string(vocab_size - 1) + ", the model's vocabulary: is left out"));
  return std::nullopt;
}

}  // namespace

std::optional<InteractionFields> ReadInteraction(const JsonReader& config) {
  const JsonReader dcp = config["dcp"];
  if (!dcp.present()) return std::nullopt;
  if (dcp["version"].Integer() != 1) dcp["version"].Fail("1");
  return InteractionFields{dcp["int_n_embd"].Integer(1), dcp["eviction_delay"].MaybeInteger().value_or(0)};
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

void CheckVariant(const JsonReader& config) {
  (void)config["model_type"].Choice({"gpt2"});
  if (const JsonReader activation = config["activation_function"]; activation.present()) {
    (void)activation.Choice({"gelu_new", "gelu_pytorch_tanh"});
  }
  CheckFlag(config["tie_word_embeddings"], true);
  CheckFlag(config["scale_attn_weights"], true);
  CheckFlag(config["scale_attn_by_inverse_layer_idx"], false);
  CheckFlag(config["add_cross_attention"], false);
}

void CheckModelType(const JsonReader& config) {
  if (const JsonReader type = config["model_type"]; type.present()) (void)type.Choice({"gpt2"});
}

}  // namespace dcp
