// log sigma_a(s) and its derivative for millions of scores: the sparse sigmoid as training needs it.
#ifndef DCP_TOOLS_DCP_FINETUNE_SIGMOID_TABLE_H_
#define DCP_TOOLS_DCP_FINETUNE_SIGMOID_TABLE_H_

#include <torch/types.h>

#include <utility>
#include <vector>

namespace dcp::finetune {

// A piecewise cubic through values and derivatives from dcp::EvaluateSparseSigmoid, with its nodes crowded towards the
// ends of the support. exp(log_p) is within 1e-6 of sigma_a for every alpha; above kMaxTableAlpha, where the curve is
// too steep for a table, each score is solved for by itself (on the CPU, slowly). Immutable.
class SigmoidTable {
 public:
  static constexpr double kMaxTableAlpha = 10;

  // REQUIRES: alpha >= 1 (throws dcp::Error).
  explicit SigmoidTable(double alpha);

  // The step that inference uses: sigma = 1 for s > 0, else 0; no derivative.
  static SigmoidTable Hard();

  double alpha() const { return alpha_; }  // infinite for Hard()

  // log_p[i] = log sigma(s[i]), -inf where sigma is 0; slope[i] = d log_p / d s, 0 where sigma is cut to 0 or 1.
  void Evaluate(const float* s, size_t count, float* log_p, float* slope) const;

  // The same for a float tensor on any device: {log_p, slope}.
  std::pair<torch::Tensor, torch::Tensor> Evaluate(const torch::Tensor& s) const;

 private:
  enum class Kind { kHard, kTable, kExact };
  struct Cell {
    float start;      // s at t = 0
    float per_s;      // dt/ds; negative right of 0, where cells are counted from the upper end of the support
    float c[4];       // log_p = c0 + t (c1 + t (c2 + t c3))
    float unused[2];  // a cell is half a cache line
  };
  struct Node {
    double s, log_p, slope;
  };

  SigmoidTable() = default;
  Node MakeNode(double s, double support) const;
  void AppendCell(const Node& from, const Node& to);

  Kind kind_ = Kind::kHard;
  double alpha_ = 0;
  float support_ = 0;
  std::vector<Cell> cells_;  // left of 0 from the lower end, then right of 0 from the upper end
};

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_SIGMOID_TABLE_H_
