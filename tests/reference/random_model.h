// Random models of odd shapes whose layers forget at different speeds, written to disk for the loader to read.
#ifndef DCP_TESTS_REFERENCE_RANDOM_MODEL_H_
#define DCP_TESTS_REFERENCE_RANDOM_MODEL_H_

#include <cstdint>
#include <filesystem>
#include <ostream>
#include <vector>

#include "dcp/types.h"

namespace dcp::reference {

// What it has otherwise than the published GPT-2: fields of ModelConfig.
struct Variant {
  const char* name = "gpt2";
  Activation activation = Activation::kGeluTanh;
  bool scale_attn_weights = true;
  bool scale_attn_by_inverse_layer_idx = false;
  bool tie_word_embeddings = true;
  int inner = 0;  // n_inner; 0: 4*C
};
inline std::ostream& operator<<(std::ostream& out, const Variant& variant) { return out << variant.name; }

struct RandomModelOptions {
  int layers = 2;      // L
  int heads = 2;       // H
  int head_dim = 8;    // D
  int int_dim = 8;     // R; 0: no interaction tensors
  int vocab = 61;      // V
  int positions = 96;  // P
  uint64_t seed = 1;
  // Weights are rounded to values that this type holds exactly, so that converting them to it loses nothing and the
  // fast path has to agree with the oracle as closely as in float32.
  WeightType exact_in = WeightType::kF32;
  int delay = 0;  // W, cut to P
  Variant variant = {};
};

// Writes config.json and model.safetensors (F32) to `directory`, which is created.
void WriteRandomModel(const RandomModelOptions& options, const std::filesystem::path& directory);

// `count` ids in [0, vocab).
std::vector<TokenId> RandomIds(int count, int vocab, uint64_t seed);

}  // namespace dcp::reference

#endif  // DCP_TESTS_REFERENCE_RANDOM_MODEL_H_
