// Small vocabulary types shared by every public header.
#ifndef DCP_TYPES_H_
#define DCP_TYPES_H_

#include <cstdint>
#include <limits>
#include <string_view>

#include "dcp/export.h"

namespace dcp {

// Index into the vocabulary, 0 .. V-1.
using TokenId = int32_t;

// Names one sequence of a Session. Never reused within a Session.
using SequenceId = int64_t;

// Position at which a token that is never evicted expires.
inline constexpr int32_t kNever = std::numeric_limits<int32_t>::max();

// How the model's matrices are held in memory. Activations and sums are float32 whatever the type.
enum class WeightType {
  kF32,   // 4 bytes a weight, exact
  kBF16,  // 2 bytes a weight, 8 bits of mantissa
  kF16,   // 2 bytes a weight, 11 bits of mantissa
  kI8,    // 1 byte a weight plus one float32 scale per 32 weights of an output (block-quantised)
  kI4,    // half a byte a weight plus one float16 scale per 32 weights of an output; embeddings and logits as kI8
};

// How K and V are held in the cache. Interaction keys (k_int) are always float32: they decide what is kept.
enum class KvType {
  kF32,  // 4 bytes an element, exact
  kF16,  // 2 bytes an element, 11 bits of mantissa
  kI8,   // 1 byte an element plus one float32 scale per token and head, for K and for V
};

// What stands between the two matrices of the MLP, applied to each number. sigmoid(x) = 1 / (1 + exp(-x)).
enum class Activation {
  kIdentity,   // x
  kGeluTanh,   // 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): GPT-2's own
  kGelu,       // 0.5 x (1 + erf(x / sqrt(2)))
  kQuickGelu,  // x sigmoid(1.702 x)
  kSilu,       // x sigmoid(x)
  kRelu,       // max(x, 0)
  kTanh,       // tanh(x)
};

// The names used on command lines and in JSON: "f32", "bf16", "f16", "i8", "i4".
DCP_EXPORT std::string_view ToString(WeightType type);
// The same.
DCP_EXPORT std::string_view ToString(KvType type);

// The name that Hugging Face gives it in a config.json: "linear", "gelu_new", "gelu", "quick_gelu", "silu", "relu",
// "tanh".
DCP_EXPORT std::string_view ToString(Activation activation);

// Inverse of ToString. Throws Error(kInvalidArgument) naming the value and the choices.
DCP_EXPORT WeightType ParseWeightType(std::string_view name);
// The same.
DCP_EXPORT KvType ParseKvType(std::string_view name);

}  // namespace dcp

#endif  // DCP_TYPES_H_
