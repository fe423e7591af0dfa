#include "tests/reference/random_model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>
#include <string>

#include "tests/reference/checkpoint_maker.h"

namespace dcp::reference {
namespace {

// Inputs that share a scale when weights are held in i8 or i4.
constexpr int64_t kBlock = 32;

// The nearest number with seven bits of mantissa, which both 16-bit types hold; 0 where float16 would be subnormal.
float RoundTo16Bits(float value) {
  if (std::abs(value) < 1e-4f) return 0.0f;
  const uint32_t unit = 1u << (23 - 7);
  return std::bit_cast<float>((std::bit_cast<uint32_t>(value) + unit / 2) & ~(unit - 1));
}

// Makes `count` values integers times one power of two, with a 127 among them: to quantise them is to copy them.
void RoundBlockToI8(float* values, int64_t count, int64_t step) {
  int64_t largest = 0;
  for (int64_t i = 1; i < count; ++i) {
    if (std::abs(values[i * step]) > std::abs(values[largest * step])) largest = i;
  }
  const float unit = std::exp2(std::round(std::log2(std::abs(values[largest * step]) / 127.0f)));
  for (int64_t i = 0; i < count; ++i) {
    values[i * step] = std::clamp(std::round(values[i * step] / unit), -127.0f, 127.0f) * unit;
  }
  values[largest * step] = std::copysign(127.0f * unit, values[largest * step]);
}

// The same for i4: integers from -8 to 7, with a -8 among them, times a power of two or its negative.
void RoundBlockToI4(float* values, int64_t count, int64_t step) {
  int64_t largest = 0;
  for (int64_t i = 1; i < count; ++i) {
    if (std::abs(values[i * step]) > std::abs(values[largest * step])) largest = i;
  }
  const float magnitude = std::exp2(std::round(std::log2(std::abs(values[largest * step]) / 8.0f)));
  const float unit = std::copysign(magnitude, -values[largest * step]);
  for (int64_t i = 0; i < count; ++i) {
    values[i * step] = std::clamp(std::round(values[i * step] / unit), -8.0f, 7.0f) * unit;
  }
  values[largest * step] = -8.0f * unit;
}

// By one of the two above.
void RoundMatrix(MadeTensor& tensor, void (*round_block)(float*, int64_t, int64_t)) {
  // GPT-2's own matrices are stored [in, out], embeddings and interaction projections [out, in].
  const bool inputs_first = tensor.name.find(".c_") != std::string::npos;
  const int64_t rows = tensor.shape[0];
  const int64_t columns = tensor.shape[1];
  const int64_t inputs = inputs_first ? rows : columns;
  for (int64_t out = 0; out < (inputs_first ? columns : rows); ++out) {
    for (int64_t in = 0; in < inputs; in += kBlock) {
      float* block = tensor.values.data() + (inputs_first ? in * columns + out : out * columns + in);
      round_block(block, std::min(kBlock, inputs - in), inputs_first ? columns : 1);
    }
  }
}

}  // namespace

void WriteRandomModel(const RandomModelOptions& options, const std::filesystem::path& directory) {
  ModelConfig config =
      SmallConfig(options.layers, options.heads, options.head_dim, options.int_dim, options.vocab, options.positions);
  config.eviction_delay = std::min(options.delay, options.positions);
  const Variant& variant = options.variant;
  config.activation = variant.activation;
  config.scale_attn_weights = variant.scale_attn_weights;
  config.scale_attn_by_inverse_layer_idx = variant.scale_attn_by_inverse_layer_idx;
  config.tie_word_embeddings = variant.tie_word_embeddings;
  if (variant.inner > 0) config.n_inner = variant.inner;
  MakeOptions make;
  make.seed = options.seed;
  make.beta = 1.8f;  // a token then lives for tens of tokens, with a wide spread
  std::vector<MadeTensor> tensors = MakeTensors(config, make);
  for (MadeTensor& tensor : tensors) {
    if (options.exact_in == WeightType::kBF16 || options.exact_in == WeightType::kF16) {
      for (float& value : tensor.values) value = RoundTo16Bits(value);
    }
    if (tensor.shape.size() != 2) continue;
    const bool table = tensor.name.find("wte") != std::string::npos || tensor.name.find("lm_head") != std::string::npos;
    if (options.exact_in == WeightType::kI8 || (options.exact_in == WeightType::kI4 && table)) {
      RoundMatrix(tensor, RoundBlockToI8);
    } else if (options.exact_in == WeightType::kI4) {
      RoundMatrix(tensor, RoundBlockToI4);
    }
  }
  WriteCheckpoint(directory, config, tensors, make);
}

std::vector<TokenId> RandomIds(int count, int vocab, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<TokenId> ids(static_cast<size_t>(count));
  for (TokenId& id : ids) id = static_cast<TokenId>(random() % static_cast<uint64_t>(vocab));
  return ids;
}

}  // namespace dcp::reference
