#include "dcp-finetune/adamw.h"

#include <cmath>

namespace dcp::finetune {

AdamW::AdamW(Parameters& parameters, const AdamWOptions& options) : parameters_(&parameters), options_(options) {
  for (int g = 0; g < kParameterGroups; ++g) {
    first_[g] = torch::zeros_like(parameters.Flat(static_cast<ParameterGroup>(g)));
    second_[g] = torch::zeros_like(first_[g]);
  }
}

void AdamW::Step(int64_t step, double share) {
  torch::NoGradGuard no_grad;
  const double n = static_cast<double>(step + 1);
  const double correction1 = 1 - std::pow(options_.beta1, n), correction2 = 1 - std::pow(options_.beta2, n);
  for (int g = 0; g < kParameterGroups; ++g) {
    const ParameterGroup group = static_cast<ParameterGroup>(g);
    torch::Tensor& values = parameters_->Flat(group);
    const torch::Tensor& gradient = parameters_->FlatGradient(group);
    if (!parameters_->Trainable(group) || values.numel() == 0) continue;
    const double lr = share * (group == ParameterGroup::kInteraction ? options_.int_lr : options_.lr);
    if (group == ParameterGroup::kMatrices) values.mul_(1 - lr * options_.weight_decay);
    first_[g].mul_(options_.beta1).add_(gradient, 1 - options_.beta1);
    second_[g].mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
    const torch::Tensor root = (second_[g] / correction2).sqrt_().add_(options_.epsilon);
    values.addcdiv_(first_[g], root, -lr / correction1);
  }
}

double ClipGradients(Parameters& parameters, double limit) {
  double square = 0;
  for (int g = 0; g < kParameterGroups; ++g) {
    const ParameterGroup group = static_cast<ParameterGroup>(g);
    if (!parameters.Trainable(group)) continue;
    const double norm = parameters.FlatGradient(group).norm().item<double>();
    square += norm * norm;
  }
  const double norm = std::sqrt(square);
  if (limit > 0 && norm > limit) {
    for (int g = 0; g < kParameterGroups; ++g)
      parameters.FlatGradient(static_cast<ParameterGroup>(g)).mul_(limit / norm);
  }
  return norm;
}

}  // namespace dcp::finetune
