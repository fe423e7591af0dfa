#include "model/decoder.h"

#include "kernels/layer_norm.h"
#include "kernels/linear.h"

namespace dcp {
namespace {

// Fewer rows than this are normalised by the calling thread: waking the others would take longer.
constexpr size_t kParallelRows = 8;

size_t FusedColumns(const Dimensions& dims, bool interaction) {
  return 3 * dims.width + (interaction ? 2 * dims.int_width : 0);
}

}  // namespace

Decoder::Decoder(const Model& model, BatchedCache& cache, bool interaction, ThreadPool& pool)
    : model_(model),
      weights_(model.weights()),
      dims_(weights_.dims),
      pool_(pool),
      attention_(model, cache, pool),
      x_(dims_.width),
      mid_(dims_.width),
      normal_(dims_.width),
      fused_(FusedColumns(dims_, interaction)),
      attended_(dims_.width),
      hidden_(dims_.inner) {}

void Decoder::Reserve(size_t rows) {
  for (Activation2D* activation : {&x_, &mid_, &normal_, &fused_, &attended_, &hidden_}) activation->Reserve(rows);
}

void Decoder::Forward(std::span<const Segment> segments) {
  const size_t rows = segments.back().row + segments.back().tokens.size();
  Reserve(rows);
  attention_.Begin(segments);
  Embed(segments, x_.Rows(rows));
  for (size_t i = 0; i < weights_.layers.size(); ++i) Layer(i, rows);
}

void Decoder::Embed(std::span<const Segment> segments, Matrix x) {
  pool_.ParallelFor(segments.size(), [&](size_t i, size_t) {
    const Segment& segment = segments[i];
    for (size_t t = 0; t < segment.tokens.size(); ++t) {
      float* row = x.row(segment.row + t);
      weights_.token_embedding.CopyOutput(static_cast<size_t>(segment.tokens[t]), row);
      const float* position =
          weights_.position_embedding.data() + (static_cast<size_t>(segment.first_position()) + t) * x.cols;
      for (size_t c = 0; c < x.cols; ++c) row[c] += position[c];
    }
  });
}

void Decoder::Normalize(ConstMatrix x, const LayerNormWeights& norm, Matrix out) {
  const auto one = [&](size_t row, size_t) {
    LayerNorm(x.row(row), x.cols, norm.weight.data(), norm.bias.data(), model_.config().layer_norm_epsilon,
              out.row(row));
  };
  if (x.rows >= kParallelRows) return pool_.ParallelFor(x.rows, one);
  for (size_t row = 0; row < x.rows; ++row) one(row, 0);
}

void Decoder::Project(ConstMatrix x, const LinearWeights& w, Matrix y, ConstMatrix residual, Activation activation) {
  Linear({.x = x,
          .weights = &w.matrix,
          .bias = w.bias.data(),
          .activation = activation,
          .residual = residual,
          .y = y,
          .scratch = &scratch_},
         pool_);
}

// Attention divides by sqrt(D), as GPT-2 does; what a variant has instead is made up for here.
void Decoder::ScaleQueries(size_t layer, Matrix q) {
  const float factor = model_.config().AttentionFactor(static_cast<int>(layer));
  if (factor == 1.0f) return;
  for (size_t row = 0; row < q.rows; ++row) {
    for (size_t c = 0; c < q.cols; ++c) q.row(row)[c] *= factor;
  }
}

void Decoder::Layer(size_t index, size_t rows) {
  const LayerWeights& w = weights_.layers[index];
  const Matrix x = x_.Rows(rows);
  const Matrix mid = mid_.Rows(rows);
  const Matrix normal = normal_.Rows(rows);
  const Matrix fused = fused_.Rows(rows);
  const Matrix attended = attended_.Rows(rows);
  const Matrix hidden = hidden_.Rows(rows);

  Normalize(x, w.ln_1, normal);
  Project(normal, w.qkv_int, fused);
  ScaleQueries(index, fused.Cols(0, dims_.width));
  attention_.Run(index, fused, attended);
  Project(attended, w.attn_proj, mid, x);
  Normalize(mid, w.ln_2, normal);
  Project(normal, w.fc, hidden, {}, model_.config().activation);
  Project(hidden, w.mlp_proj, x, mid);
}

void Decoder::ComputeLogits(std::span<const LogitsRow> rows, Matrix logits) {
  if (rows.empty()) return;
  const Matrix normal = normal_.Rows(rows.size());
  const Matrix x = x_.Rows(rows.back().row + 1);
  for (size_t i = 0; i < rows.size(); ++i) {
    LayerNorm(x.row(rows[i].row), x.cols, weights_.ln_f.weight.data(), weights_.ln_f.bias.data(),
              model_.config().layer_norm_epsilon, normal.row(i));
  }
  // Runs of rows that stay side by side in the output go through one product.
  for (size_t begin = 0; begin < rows.size();) {
    size_t end = begin + 1;
    while (end < rows.size() && rows[end].out_row == rows[begin].out_row + (end - begin)) ++end;
    Linear({.x = normal.Rows(begin, end - begin),
            .weights = &weights_.output(),
            .residual = {},
            .y = logits.Rows(rows[begin].out_row, end - begin),
            .scratch = &scratch_},
           pool_);
    begin = end;
  }
}

}  // namespace dcp
