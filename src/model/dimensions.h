// The numbers of a ModelConfig as sizes, for the code that indexes with them.
#ifndef DCP_MODEL_DIMENSIONS_H_
#define DCP_MODEL_DIMENSIONS_H_

#include <cstddef>

#include "dcp/model_config.h"

namespace dcp {

struct Dimensions {
  Dimensions() = default;
  explicit Dimensions(const ModelConfig& config)
      : layers(static_cast<size_t>(config.n_layer)),
        heads(static_cast<size_t>(config.n_head)),
        head_dim(static_cast<size_t>(config.head_dim())),
        width(static_cast<size_t>(config.n_embd)),
        inner(static_cast<size_t>(config.n_inner)),
        int_width(static_cast<size_t>(config.int_n_embd)),
        positions(static_cast<size_t>(config.n_positions)),
        vocab(static_cast<size_t>(config.vocab_size)) {}

  size_t layers = 0;     // L
  size_t heads = 0;      // H
  size_t head_dim = 0;   // D
  size_t width = 0;      // C = H*D
  size_t inner = 0;      // of the MLP
  size_t int_width = 0;  // R; 0: no interaction tensors
  size_t positions = 0;  // P
  size_t vocab = 0;      // V
};

}  // namespace dcp

#endif  // DCP_MODEL_DIMENSIONS_H_
