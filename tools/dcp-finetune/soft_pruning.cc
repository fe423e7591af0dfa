#include "dcp-finetune/soft_pruning.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace dcp::finetune {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// Columns (earlier tokens j) that are worked on together: one cache line of scores times a few.
constexpr int64_t kStripe = 64;

struct Stripe {
  int64_t batch, begin, end;  // columns [begin, end); rows from `begin` on
};

// Stripes of one sequence get shorter from left to right; taking them from both ends in turn gives equal shares to
// threads that are handed equal numbers.
std::vector<Stripe> CutStripes(int64_t batches, int64_t tokens) {
  const int64_t count = (tokens + kStripe - 1) / kStripe;
  std::vector<Stripe> stripes;
  for (int64_t b = 0; b < batches; ++b) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t column = (i % 2 == 0 ? i / 2 : count - 1 - i / 2) * kStripe;
      stripes.push_back({b, column, std::min(column + kStripe, tokens)});
    }
  }
  return stripes;
}

template <typename Fn>
void ForEachStripe(int64_t batches, int64_t tokens, const Fn& fn) {
  const std::vector<Stripe> stripes = CutStripes(batches, tokens);
  at::parallel_for(0, static_cast<int64_t>(stripes.size()), 1, [&](int64_t begin, int64_t end) {
    torch::NoGradGuard no_grad;  // this state belongs to a thread
    for (int64_t i = begin; i < end; ++i) fn(stripes[i]);
  });
}

// Row k of a stripe before any decision reached it: 0 up to the diagonal, -inf beyond.
void OpenRow(const Stripe& stripe, int64_t k, int64_t from, float* row) {
  for (int64_t j = from; j < stripe.end - stripe.begin; ++j) row[j] = stripe.begin + j <= k ? 0 : kMinusInfinity;
}

// Log of the cumulative product down the columns of one stripe: what token n decides stands in row n of `slope`, and in
// rows from n + delay on of `log_i`. `scores` [T - begin, end - begin]; log_i and slope are rows of [T, T].
void AccumulateStripe(const Stripe& stripe, int64_t tokens, int64_t delay, const SigmoidTable& sigmoid,
                      const float* scores, float* log_i, float* slope) {
  const int64_t width = stripe.end - stripe.begin;
  const auto row_of = [&](float* matrix, int64_t k) { return matrix + k * tokens + stripe.begin; };
  const int64_t first_effect = std::min(stripe.begin + delay, tokens), last_decision = tokens - delay;
  for (int64_t k = 0; k < first_effect; ++k) OpenRow(stripe, k, 0, row_of(log_i, k));
  for (int64_t n = 0; n < stripe.begin; ++n) std::fill_n(row_of(slope, n), width, 0.0f);
  for (int64_t n = std::max(stripe.begin, last_decision); n < tokens; ++n) std::fill_n(row_of(slope, n), width, 0.0f);
  std::vector<float> total(width, 0.0f);
  for (int64_t n = stripe.begin; n < last_decision; ++n) {
    float* log_row = row_of(log_i, n + delay);
    float* slope_row = row_of(slope, n);
    const int64_t earlier = std::min(width, n - stripe.begin);
    sigmoid.Evaluate(scores + (n - stripe.begin) * width, earlier, log_row, slope_row);
    for (int64_t j = 0; j < earlier; ++j) log_row[j] = total[j] += log_row[j];
    OpenRow(stripe, n + delay, earlier, log_row);
    std::fill(slope_row + earlier, slope_row + width, 0.0f);
  }
}

void ForwardOnCpu(const Tensor& q_int, const Tensor& k_int, float beta, const SigmoidTable& sigmoid, int64_t delay,
                  Tensor& log_i, Tensor& slope, Tensor& kept) {
  const int64_t batches = q_int.size(0), tokens = q_int.size(1);
  const float scale = 1 / std::sqrt(static_cast<float>(q_int.size(2)));
  Tensor shares = torch::zeros({batches, (tokens + kStripe - 1) / kStripe, tokens});
  ForEachStripe(batches, tokens, [&](const Stripe& stripe) {
    const Tensor keys = k_int[stripe.batch].slice(0, stripe.begin, stripe.end);
    Tensor scores = at::mm(q_int[stripe.batch].slice(0, stripe.begin), keys.t()).mul_(scale).add_(beta);
    AccumulateStripe(stripe, tokens, delay, sigmoid, scores.data_ptr<float>(), log_i[stripe.batch].data_ptr<float>(),
                     slope[stripe.batch].data_ptr<float>());
    const Tensor below = log_i[stripe.batch].slice(0, stripe.begin).slice(1, stripe.begin, stripe.end);
    shares[stripe.batch][stripe.begin / kStripe].slice(0, stripe.begin).copy_(at::exp(below).sum(1));
  });
  kept.copy_(shares.sum(1) - 1);  // without I(k, k)
}

void ForwardOnDevice(const Tensor& q_int, const Tensor& k_int, const Tensor& beta, const SigmoidTable& sigmoid,
                     int64_t delay, Tensor& log_i, Tensor& slope, Tensor& kept) {
  const int64_t tokens = q_int.size(1);
  const double scale = 1 / std::sqrt(static_cast<double>(q_int.size(2)));
  const Tensor earlier = torch::ones({tokens, tokens}, q_int.options().dtype(torch::kBool)).tril(-1);
  const Tensor scores = torch::baddbmm(beta.view({1, 1, 1}), q_int, k_int.transpose(1, 2), 1, scale);
  auto [log_p, slopes] = sigmoid.Evaluate(scores);
  slope.copy_(slopes.masked_fill_(~earlier, 0));
  slope.slice(1, tokens - delay).zero_();
  log_i.slice(1, 0, delay).zero_();
  log_i.slice(1, delay).copy_(log_p.masked_fill_(~earlier, 0).cumsum(1).slice(1, 0, tokens - delay));
  log_i.masked_fill_(torch::ones_like(earlier).triu(1), kMinusInfinity);
  kept.copy_(log_i.exp().sum(2) - 1);
}

// ds from the gradients, see the header: a sum from the last row up.
Tensor BackwardOnCpu(const Tensor& log_i, const Tensor& slope, int64_t delay, const Tensor& grad_log_i,
                     const Tensor& grad_kept) {
  const int64_t batches = log_i.size(0), tokens = log_i.size(1);
  Tensor grad_s = torch::empty_like(slope);
  ForEachStripe(batches, tokens, [&](const Stripe& stripe) {
    const int64_t width = stripe.end - stripe.begin;
    Tensor window = grad_s[stripe.batch].slice(1, stripe.begin, stripe.end);
    window.slice(0, 0, stripe.begin).zero_();
    window.slice(0, tokens - delay).zero_();
    const auto block = [&](const Tensor& t) {
      return t[stripe.batch].slice(0, stripe.begin).slice(1, stripe.begin, stripe.end);
    };
    const Tensor weights = at::exp(block(log_i)).mul_(grad_kept[stripe.batch].slice(0, stripe.begin).unsqueeze(1));
    const Tensor total = weights.add_(block(grad_log_i)).contiguous();
    const float* from = total.data_ptr<float>();
    const float* slopes = slope[stripe.batch].data_ptr<float>();
    float* to = grad_s[stripe.batch].data_ptr<float>();
    std::vector<float> below(width, 0.0f);
    for (int64_t n = tokens - delay - 1; n >= stripe.begin; --n) {
      const int64_t at = n * tokens + stripe.begin;
      for (int64_t j = 0; j < width; ++j) {
        below[j] += from[(n + delay - stripe.begin) * width + j];
        to[at + j] = slopes[at + j] * below[j];
      }
    }
  });
  return grad_s;
}

Tensor BackwardOnDevice(const Tensor& log_i, const Tensor& slope, int64_t delay, const Tensor& grad_log_i,
                        const Tensor& grad_kept) {
  const Tensor total = log_i.exp().mul_(grad_kept.unsqueeze(2)).add_(grad_log_i);
  const Tensor below = total.flip(1).cumsum(1).flip(1);
  return below.roll(-delay, 1).mul_(slope);  // the rows that come round meet a slope of 0
}

class InteractionFunction : public torch::autograd::Function<InteractionFunction> {
 public:
  static variable_list forward(AutogradContext* context, const Tensor& q_int, const Tensor& k_int, const Tensor& beta,
                               const SigmoidTable* sigmoid, int64_t delay_in) {
    const int64_t batches = q_int.size(0), tokens = q_int.size(1), delay = std::min(delay_in, tokens);
    const Tensor q = q_int.contiguous(), k = k_int.contiguous();
    Tensor log_i = torch::empty({batches, tokens, tokens}, q.options());
    Tensor slope = torch::empty_like(log_i);
    Tensor kept = torch::empty({batches, tokens}, q.options());
    if (q.is_cpu()) {
      ForwardOnCpu(q, k, beta.item<float>(), *sigmoid, delay, log_i, slope, kept);
    } else {
      ForwardOnDevice(q, k, beta, *sigmoid, delay, log_i, slope, kept);
    }
    context->saved_data["delay"] = delay;
    context->save_for_backward({q, k, beta, slope, log_i});
    return {log_i, kept};
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const variable_list saved = context->get_saved_variables();
    const Tensor &q_int = saved[0], &k_int = saved[1], &slope = saved[3], &log_i = saved[4];
    const Tensor grad_log_i = grads[0].defined() ? grads[0] : torch::zeros_like(log_i);
    const Tensor grad_kept =
        grads[1].defined() ? grads[1] : torch::zeros({q_int.size(0), q_int.size(1)}, q_int.options());
    const int64_t delay = context->saved_data["delay"].toInt();
    const Tensor grad_s = log_i.is_cpu() ? BackwardOnCpu(log_i, slope, delay, grad_log_i, grad_kept)
                                         : BackwardOnDevice(log_i, slope, delay, grad_log_i, grad_kept);
    const double scale = 1 / std::sqrt(static_cast<double>(q_int.size(2)));
    return {at::bmm(grad_s, k_int).mul_(scale), at::bmm(grad_s.transpose(1, 2), q_int).mul_(scale),
            grad_s.sum().view_as(saved[2]), Tensor(), Tensor()};
  }
};

}  // namespace

Interaction ComputeInteraction(const Tensor& q_int, const Tensor& k_int, const Tensor& beta,
                               const SigmoidTable& sigmoid, int64_t delay) {
  variable_list out = InteractionFunction::apply(q_int, k_int, beta, &sigmoid, delay);
  return {out[0], out[1]};
}

}  // namespace dcp::finetune
