#include "dcp-finetune/lm_loss.h"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

#include "dcp-finetune/elementwise.h"

namespace dcp::finetune {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Rows whose logits are not too many for the last cache (CPU) or fill the machine (device). Fewer make the products
// slower, which rearrange all of wte each time.
int64_t ChunkRows(const Tensor& hidden) { return hidden.is_cpu() ? 512 : 8192; }

Tensor Logits(const Tensor& hidden, const Tensor& wte) { return at::mm(hidden, wte.t()).to(torch::kFloat); }

// sum += a b; the products may be of fewer bits than the sum.
void AddProduct(Tensor& sum, const Tensor& a, const Tensor& b) {
  if (a.scalar_type() == sum.scalar_type()) {
    sum.addmm_(a, b);
  } else {
    sum.add_(at::mm(a, b));
  }
}

// KL(teacher || model) of each row; the model's probabilities are not needed, its log sum exp is.
Tensor Divergence(const Tensor& logits, const Tensor& log_sum, const Tensor& teacher_logits, Tensor& teacher_p) {
  teacher_p = teacher_logits.clone();
  const Tensor teacher_log_sum = SoftmaxInPlace(teacher_p);
  return (teacher_p * (teacher_logits - logits)).sum(1) - teacher_log_sum + log_sum;
}

class LmLossFunction : public torch::autograd::Function<LmLossFunction> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& hidden, const Tensor& wte, const Tensor& targets,
                        const Teacher& teacher, torch::ScalarType compute, bool with_gradients, bool with_wte) {
    const Tensor x = hidden.to(compute), w = wte.to(compute);
    const Tensor counted = targets.ne(kIgnoredTarget);
    const double count = std::max<double>(1, counted.sum().item<double>());
    Tensor total = torch::zeros({}, hidden.options().dtype(torch::kDouble));
    Tensor grad_x, grad_w;
    if (with_gradients) {
      grad_x = torch::empty(hidden.sizes(), hidden.options().dtype(torch::kFloat));
    }
    if (with_wte) grad_w = torch::zeros(wte.sizes(), wte.options().dtype(torch::kFloat));
    const int64_t step = ChunkRows(hidden);
    for (int64_t begin = 0; begin < hidden.size(0); begin += step) {
      const int64_t end = std::min(begin + step, hidden.size(0));
      const Tensor rows = x.slice(0, begin, end), mask = counted.slice(0, begin, end);
      const Tensor labels = targets.slice(0, begin, end).clamp_min(0).unsqueeze(1);
      Tensor logits = Logits(rows, w);
      const Tensor picked = logits.gather(1, labels).squeeze(1);
      Tensor losses, teacher_p;
      double text_share = 1;
      if (teacher.hidden.defined()) {
        text_share = 1 - teacher.share;
        const Tensor kept = logits.clone();
        const Tensor log_sum = SoftmaxInPlace(logits);
        losses = Divergence(
            kept, log_sum, Logits(teacher.hidden.slice(0, begin, end).to(compute), teacher.wte.to(compute)), teacher_p);
        losses.mul_(teacher.share).add_(log_sum - picked, text_share);
      } else {
        losses = SoftmaxInPlace(logits) - picked;
      }
      total += losses.masked_fill(~mask, 0).sum(torch::kDouble);
      if (!with_gradients) continue;
      if (teacher_p.defined()) logits.sub_(teacher_p, teacher.share);
      logits.scatter_add_(1, labels, torch::full_like(labels, -text_share, logits.options()));
      // Each row's share of the mean, on the side of the product that has fewer numbers.
      const Tensor share = (mask.to(torch::kFloat) / count).unsqueeze(1);
      const Tensor grad = logits.to(compute);
      Tensor to = grad_x.slice(0, begin, end);
      at::mul_out(to, at::mm(grad, w).to(torch::kFloat), share);
      if (with_wte) AddProduct(grad_w, grad.t(), (rows * share).to(compute));
    }
    context->save_for_backward({grad_x, grad_w});
    return (total / count).to(torch::kFloat);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const variable_list saved = context->get_saved_variables();
    const Tensor grad_w = saved[1].defined() ? saved[1] * grads[0] : Tensor();
    return {saved[0] * grads[0], grad_w, Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor LmLoss(const Tensor& hidden, const Tensor& wte, const Tensor& targets, const Teacher& teacher,
              torch::ScalarType compute) {
  const bool with_wte = torch::GradMode::is_enabled() && wte.requires_grad();
  const bool with_gradients = with_wte || (torch::GradMode::is_enabled() && hidden.requires_grad());
  return LmLossFunction::apply(hidden, wte, targets, teacher, compute, with_gradients, with_wte);
}

Tensor TokenNll(const Tensor& hidden, const Tensor& wte, const Tensor& targets, torch::ScalarType compute) {
  torch::NoGradGuard no_grad;
  const Tensor x = hidden.to(compute), w = wte.to(compute);
  Tensor out = torch::empty({hidden.size(0)}, hidden.options().dtype(torch::kFloat));
  const int64_t step = ChunkRows(hidden);
  for (int64_t begin = 0; begin < hidden.size(0); begin += step) {
    const int64_t end = std::min(begin + step, hidden.size(0));
    const Tensor labels = targets.slice(0, begin, end);
    Tensor logits = Logits(x.slice(0, begin, end), w);
    const Tensor picked = logits.gather(1, labels.clamp_min(0).unsqueeze(1)).squeeze(1);
    out.slice(0, begin, end).copy_((SoftmaxInPlace(logits) - picked).masked_fill_(labels.eq(kIgnoredTarget), 0));
  }
  return out;
}

}  // namespace dcp::finetune
