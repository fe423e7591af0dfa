// The forward pass of GPT-2 over a ragged batch (docs/design.md).
#ifndef DCP_MODEL_DECODER_H_
#define DCP_MODEL_DECODER_H_

#include <span>

#include "base/aligned_buffer.h"
#include "base/matrix_view.h"
#include "kernels/linear.h"
#include "model/cache_attention.h"
#include "model/weights.h"

namespace dcp {

// A matrix with rows padded to whole panels, owning its memory; grows, never shrinks.
class Activation2D {
 public:
  explicit Activation2D(size_t cols) : cols_(cols), stride_(RoundUp(cols, kPanel)) {}

  // Room for `rows` rows; contents are lost when it grows.
  void Reserve(size_t rows) {
    if (rows * stride_ > buffer_.size()) buffer_ = AlignedBuffer<float>(rows * stride_);
  }
  Matrix Rows(size_t rows) { return {buffer_.data(), rows, cols_, stride_}; }

 private:
  size_t cols_;
  size_t stride_;
  AlignedBuffer<float> buffer_;
};

// A row of the pass whose logits are wanted, and the row of the output they go to.
struct LogitsRow {
  size_t row = 0;
  size_t out_row = 0;
};

class Decoder {
 public:
  // `interaction`: some policy reads interaction scores.
  Decoder(const Model& model, BatchedCache& cache, bool interaction, ThreadPool& pool);

  // Feeds the segments' tokens through all layers; the caller advances `seen`. Segments lie one behind the other in the
  // rows, from row 0. Throws Error(kOutOfMemory), which leaves the sequences' layers in disagreement.
  void Forward(std::span<const Segment> segments);

  // Logits [.., V] of rows of the last Forward, for those rows only.
  void ComputeLogits(std::span<const LogitsRow> rows, Matrix logits);

 private:
  void Reserve(size_t rows);
  void Embed(std::span<const Segment> segments, Matrix x);
  // What the layers' products have in common: y = activation(x w + b) + residual, over `w` of a layer.
  void Project(ConstMatrix x, const LinearWeights& w, Matrix y, ConstMatrix residual = {},
               Activation activation = Activation::kIdentity);
  void Layer(size_t index, size_t rows);
  void ScaleQueries(size_t layer, Matrix q);
  void Normalize(ConstMatrix x, const LayerNormWeights& norm, Matrix out);

  const Model& model_;
  const ModelWeights& weights_;
  const Dimensions& dims_;
  ThreadPool& pool_;
  CacheAttention attention_;
  Activation2D x_;         // [M, C] residual stream
  Activation2D mid_;       // [M, C] the same between attention and MLP
  Activation2D normal_;    // [M, C]
  Activation2D fused_;     // [M, 3C], and 2R columns more where a policy reads interaction scores
  Activation2D attended_;  // [M, C]
  Activation2D hidden_;    // [M, n_inner]
  LinearScratch scratch_;
};

}  // namespace dcp

#endif  // DCP_MODEL_DECODER_H_
