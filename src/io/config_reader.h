// The parts of reading a model's config.json, and the fields of it that take more than reading. A field that is null
// counts as absent, as it does for Hugging Face. Errors are those of JsonReader.
#ifndef DCP_IO_CONFIG_READER_H_
#define DCP_IO_CONFIG_READER_H_

#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "dcp/model_config.h"
#include "dcp/warnings.h"
#include "support/json.h"

namespace dcp {

// Rows of wte.weight and wpe.weight, where they are known.
struct TableRows {
  std::optional<int> vocab;
  std::optional<int> positions;
};

// ReadModelConfig() of a directory without an adapter. `rows` go before what config.json says, with a warning where the
// two differ; a config that does not say them then needs not to.
ModelConfig ReadBaseConfig(const std::filesystem::path& directory, const TableRows& rows, Warnings* warnings);

// The base's config with R and W from the config.json of an adapter with interaction tensors. Whatever else that says
// must be what the base says. Throws Error(kInvalidModel).
ModelConfig WithAdapterConfig(const ModelConfig& base, const std::filesystem::path& base_path,
                              const std::filesystem::path& adapter_path);

// What the "dcp" object says.
struct InteractionFields {
  int width = 0;  // R, "int_n_embd"
  int delay = 0;  // W, "eviction_delay"; 0 where absent
};

// The "dcp" object, whose version must be 1; nullopt without such an object.
std::optional<InteractionFields> ReadInteraction(const JsonReader& config);

// The first of the fields that is there; where none is, the first, so that messages name it.
JsonReader AnyOf(const JsonReader& config, std::initializer_list<std::string_view> names);

// "n_inner", 4 * n_embd where absent.
int ReadInnerWidth(const JsonReader& config, int n_embd);

// "bos_token_id", and "eos_token_id", which is one id or a list of them; what is absent leaves `config` as it is. Ids
// outside the vocabulary are left out, with a warning: the model can neither be fed them nor make them.
void ReadEndTokens(const JsonReader& reader, ModelConfig& config, Warnings* warnings);

// Which variant of GPT-2 it is: "activation_function", "scale_attn_weights", "scale_attn_by_inverse_layer_idx",
// "tie_word_embeddings", each GPT-2's default where absent; "reorder_and_upcast_attn" means another order of the same
// sums and is not looked at. A config without model_type is read as a GPT-2's, with a warning. Refuses another
// model_type, cross-attention, and activations that libdcp does not know.
void ReadVariant(const JsonReader& reader, ModelConfig& config, Warnings* warnings);

// Refuses a model_type other than "gpt2", if there is one.
void CheckModelType(const JsonReader& config);

}  // namespace dcp

#endif  // DCP_IO_CONFIG_READER_H_
