// The fields of a Hugging Face GPT-2 config.json that take more than reading. A field that is null counts as absent, as
// it does for Hugging Face. Errors are those of JsonReader.
#ifndef DCP_IO_CONFIG_READER_H_
#define DCP_IO_CONFIG_READER_H_

#include <optional>

#include "dcp/model_config.h"
#include "dcp/warnings.h"
#include "support/json.h"

namespace dcp {

// What the "dcp" object says.
struct InteractionFields {
  int width = 0;  // R, "int_n_embd"
  int delay = 0;  // W, "eviction_delay"; 0 where absent
};

// The "dcp" object, whose version must be 1; nullopt without such an object.
std::optional<InteractionFields> ReadInteraction(const JsonReader& config);

// "n_inner", 4 * n_embd where absent.
int ReadInnerWidth(const JsonReader& config, int n_embd);

// "bos_token_id", and "eos_token_id", which is one id or a list of them; what is absent leaves `config` as it is. Ids
// outside the vocabulary are left out, with a warning: the model can neither be fed them nor make them.
void ReadEndTokens(const JsonReader& reader, ModelConfig& config, Warnings* warnings);

// Refuses everything that is not the GPT-2 that libdcp computes: another model_type, another activation, untied
// embeddings, attention variants. REQUIRES a model_type; every other field has GPT-2's default where absent.
void CheckVariant(const JsonReader& config);

// Refuses a model_type other than "gpt2", if there is one.
void CheckModelType(const JsonReader& config);

}  // namespace dcp

#endif  // DCP_IO_CONFIG_READER_H_
