#include "dcp-finetune/sigmoid_table.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dcp/sparse_sigmoid.h"

namespace dcp::finetune {
namespace {

constexpr int kCells = 2048;        // on each side of 0
constexpr double kMaxSupport = 44;  // sigma_1(-44) is 8e-20: nothing is left to weigh or to learn
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

}  // namespace

SigmoidTable SigmoidTable::Hard() {
  SigmoidTable table;
  table.alpha_ = std::numeric_limits<double>::infinity();
  return table;
}

SigmoidTable::SigmoidTable(double alpha) : alpha_(alpha) {
  const double support = std::min(SparseSigmoidSupport(alpha), kMaxSupport);
  kind_ = alpha > kMaxTableAlpha ? Kind::kExact : Kind::kTable;
  support_ = static_cast<float>(support);
  if (kind_ == Kind::kExact) return;
  cells_.reserve(2 * kCells);
  for (const double side : {-1.0, 1.0}) {
    Node from = MakeNode(side * support_, support);
    for (int i = 0; i < kCells; ++i) {
      const double share = static_cast<double>(i + 1) / kCells;
      // Nodes are floats, so that the offset of a score from its node is exact.
      const float s = static_cast<float>(side * support_ * (1 - share * share));
      const Node to = MakeNode(s, support);
      AppendCell(from, to);
      from = to;
    }
    // Next to where sigma is 0 there is no cubic: p is below 1e-7 there, and counts as 0.
    if (side < 0) {
      Cell& first = cells_.front();
      first.c[0] = kMinusInfinity;
      first.c[1] = first.c[2] = first.c[3] = 0;
    }
  }
}

SigmoidTable::Node SigmoidTable::MakeNode(double s, double support) const {
  // Just inside, since the derivative at the very end is not that of the curve that leads there.
  const double inside = std::clamp(s, -support * (1 - 1e-12), support * (1 - 1e-12));
  const SparseSigmoidPoint point = EvaluateSparseSigmoid(inside, alpha_);
  const double log_p = inside > 0 ? std::log1p(-point.complement) : std::log(point.p);
  return {s, log_p, point.derivative / point.p};
}

void SigmoidTable::AppendCell(const Node& from, const Node& to) {
  const double width = to.s - from.s;
  const double rise = to.log_p - from.log_p;
  const double a = from.slope * width, b = to.slope * width;
  Cell cell = {};
  cell.start = static_cast<float>(from.s);
  cell.per_s = static_cast<float>(1 / width);
  cell.c[0] = static_cast<float>(from.log_p);
  cell.c[1] = static_cast<float>(a);
  cell.c[2] = static_cast<float>(3 * rise - 2 * a - b);
  cell.c[3] = static_cast<float>(a + b - 2 * rise);
  cells_.push_back(cell);
}

void SigmoidTable::Evaluate(const float* s, size_t count, float* log_p, float* slope) const {
  if (kind_ == Kind::kHard) {
    for (size_t i = 0; i < count; ++i) {
      log_p[i] = s[i] > 0 ? 0 : kMinusInfinity;
      slope[i] = 0;
    }
    return;
  }
  if (kind_ == Kind::kExact) {
    for (size_t i = 0; i < count; ++i) {
      const SparseSigmoidPoint point = EvaluateSparseSigmoid(s[i], alpha_);
      log_p[i] = static_cast<float>(s[i] > 0 ? std::log1p(-point.complement) : std::log(point.p));
      slope[i] = point.p > 0 && point.complement > 0 ? static_cast<float>(point.derivative / point.p) : 0;
    }
    return;
  }
  const float scale = 1 / support_;
  for (size_t i = 0; i < count; ++i) {
    const float distance = support_ - std::abs(s[i]);
    if (!(distance > 0)) {
      // NaN stays NaN, so that a training run that blew up says so.
      log_p[i] = s[i] > 0 ? 0 : s[i] < 0 ? kMinusInfinity : s[i];
      slope[i] = 0;
      continue;
    }
    const int offset = s[i] > 0 ? kCells : 0;
    const Cell& cell = cells_[offset + std::min(static_cast<int>(std::sqrt(distance * scale) * kCells), kCells - 1)];
    const float t = (s[i] - cell.start) * cell.per_s;
    log_p[i] = cell.c[0] + t * (cell.c[1] + t * (cell.c[2] + t * cell.c[3]));
    slope[i] = (cell.c[1] + t * (2 * cell.c[2] + t * 3 * cell.c[3])) * cell.per_s;
  }
}

std::pair<torch::Tensor, torch::Tensor> SigmoidTable::Evaluate(const torch::Tensor& s) const {
  if (kind_ == Kind::kHard) {
    return {torch::zeros_like(s).masked_fill_(s <= 0, kMinusInfinity), torch::zeros_like(s)};
  }
  if (kind_ != Kind::kTable || s.is_cpu()) {
    const torch::Tensor scores = s.cpu().contiguous();
    torch::Tensor log_p = torch::empty_like(scores), slope = torch::empty_like(scores);
    Evaluate(scores.data_ptr<float>(), scores.numel(), log_p.data_ptr<float>(), slope.data_ptr<float>());
    return {log_p.to(s.device()), slope.to(s.device())};
  }
  const torch::Tensor table = torch::from_blob(const_cast<Cell*>(cells_.data()), {2 * kCells, 8}, torch::kFloat)
                                  .t()
                                  .contiguous()
                                  .to(s.device());
  const torch::Tensor distance = support_ - s.abs();
  torch::Tensor index = (distance.clamp_min(0) * (1 / support_)).sqrt_().mul_(kCells).to(torch::kLong);
  index = index.clamp_max_(kCells - 1).add_((s > 0).to(torch::kLong) * kCells);
  const torch::Tensor per_s = table[1].take(index);
  const torch::Tensor t = (s - table[0].take(index)) * per_s;
  const torch::Tensor c1 = table[3].take(index), c2 = table[4].take(index), c3 = table[5].take(index);
  const torch::Tensor outside = distance <= 0;
  torch::Tensor log_p = table[2].take(index) + t * (c1 + t * (c2 + t * c3));
  log_p = torch::where(outside, torch::where(s > 0, torch::zeros_like(s), torch::full_like(s, kMinusInfinity)), log_p);
  const torch::Tensor slope = ((c1 + t * (2 * c2 + t * 3 * c3)) * per_s).masked_fill(outside, 0);
  return {log_p, slope};
}

}  // namespace dcp::finetune
