// The weights of a model, packed for the kernels.
#ifndef DCP_MODEL_WEIGHTS_H_
#define DCP_MODEL_WEIGHTS_H_

#include <optional>
#include <vector>

#include "base/aligned_buffer.h"
#include "dcp/model_config.h"
#include "dcp/types.h"
#include "io/checkpoint.h"
#include "kernels/packed_matrix.h"
#include "model/dimensions.h"

namespace dcp {

// Vectors are padded with zeros to whole panels.
struct LayerNormWeights {
  AlignedBuffer<float> weight;  // [C]
  AlignedBuffer<float> bias;    // [C]
};

struct LinearWeights {
  PackedMatrix matrix;        // [in, out]
  AlignedBuffer<float> bias;  // [out]
};

// Columns of the fused product, in this order: q, k, v [C each], q_int, k_int [R each].
struct LayerWeights {
  LayerNormWeights ln_1;
  LinearWeights qkv_int;    // [C, 3C + 2R]; no bias in the interaction columns
  float beta = 0.0f;        // int_bias
  LinearWeights attn_proj;  // [C, C]
  LayerNormWeights ln_2;
  LinearWeights fc;        // [C, n_inner]
  LinearWeights mlp_proj;  // [n_inner, C]
};

struct ModelWeights {
  Dimensions dims;
  PackedMatrix token_embedding;             // wte as [C, V]: embedding table and, of a tied model, output matrix in one
  AlignedBuffer<float> position_embedding;  // wpe [P, C]
  std::vector<LayerWeights> layers;         // [L]
  LayerNormWeights ln_f;
  std::optional<PackedMatrix> lm_head;  // [C, V] of a model whose output matrix is not the embedding

  const PackedMatrix& output() const { return lm_head ? *lm_head : token_embedding; }
  size_t bytes() const;
};

// Throws what Checkpoint::Read throws, and Error(kOutOfMemory).
ModelWeights LoadWeights(const Checkpoint& checkpoint, WeightType type);

// See Model::Random.
ModelWeights RandomWeights(const ModelConfig& config, uint64_t seed, WeightType type);

// A number that differs between different weights, with overwhelming probability.
uint64_t Fingerprint(const ModelConfig& config, const ModelWeights& weights);

}  // namespace dcp

#endif  // DCP_MODEL_WEIGHTS_H_
