#include "dcp-finetune/elementwise.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "dcp-finetune/row_kernels.h"

namespace dcp::finetune {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kGrain = 1 << 14;  // numbers that are worth a thread

bool OnCpuInFloat(const Tensor& x) { return x.is_cpu() && x.scalar_type() == torch::kFloat; }

class GeluTanhFunction : public torch::autograd::Function<GeluTanhFunction> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x_in) {
    const Tensor x = x_in.contiguous();
    Tensor y = torch::empty_like(x), slope = torch::empty_like(x);
    at::parallel_for(0, x.numel(), kGrain, [&](int64_t begin, int64_t end) {
      GeluTanhRow(x.data_ptr<float>() + begin, end - begin, y.data_ptr<float>() + begin,
                  slope.data_ptr<float>() + begin);
    });
    context->save_for_backward({slope});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    return {grads[0] * context->get_saved_variables()[0]};
  }
};

}  // namespace

Tensor GeluTanh(const Tensor& x) { return OnCpuInFloat(x) ? GeluTanhFunction::apply(x) : torch::gelu(x, "tanh"); }

Tensor SoftmaxInPlace(Tensor& logits) {
  if (!OnCpuInFloat(logits) || !logits.is_contiguous()) {
    const Tensor top = std::get<0>(logits.max(1, true));
    const Tensor sum = logits.sub_(top).exp_().sum(1, true);
    logits.div_(sum);
    return (sum.log_() + top).squeeze(1);
  }
  const int64_t width = logits.size(1);
  Tensor log_sum = torch::empty({logits.size(0)});
  at::parallel_for(0, logits.size(0), std::max<int64_t>(1, kGrain / width), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      log_sum.data_ptr<float>()[i] = SoftmaxRow(logits.data_ptr<float>() + i * width, width);
    }
  });
  return log_sum;
}

}  // namespace dcp::finetune
