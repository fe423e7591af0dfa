#include "io/config_reader.h"

#include <limits>
#include <string>

namespace dcp {
namespace {

void CheckFlag(const JsonReader& flag, bool required) {
  if (!flag.present() || (flag.json().is_boolean() && flag.Flag() == required)) return;
  flag.Fail(required ? "true" : "false");
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
