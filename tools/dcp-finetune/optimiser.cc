#include "dcp-finetune/optimiser.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace dcp::finetune {

namespace {

using torch::Tensor;

constexpr int kNewtonSchulzSteps = 5;

// q, k and v share one stored matrix, but each is a map of its own.
int64_t Parts(const Parameter& parameter) { return parameter.role == TensorRole::kQkvMatrix ? 3 : 1; }

}  // namespace

Tensor Orthogonalise(const Tensor& matrix) {
  const bool tall = matrix.size(0) > matrix.size(1);
  Tensor x = tall ? matrix.t() : matrix;  // the products below are of the shorter side
  x = x / (x.norm() + 1e-7);
  for (int i = 0; i < kNewtonSchulzSteps; ++i) {
    const Tensor a = at::mm(x, x.t());
    x = 3.4445 * x + at::mm(at::addmm(a, a, a, -4.7750, 2.0315), x);
  }
  return tall ? x.t() : x;
}

Optimiser::Optimiser(Parameters& parameters, const OptimiserOptions& options, Exchange& exchange)
    : parameters_(&parameters), options_(options), exchange_(&exchange) {
  for (int g = 0; g < kParameterGroups; ++g) {
    first_[g] = torch::zeros_like(parameters.Flat(static_cast<ParameterGroup>(g)));
    second_[g] = torch::zeros_like(first_[g]);
  }
}

void Optimiser::Step(int64_t step, double share) {
  torch::NoGradGuard no_grad;
  for (int g = 0; g < kParameterGroups; ++g) {
    const ParameterGroup group = static_cast<ParameterGroup>(g);
    if (!parameters_->Trainable(group) || parameters_->Flat(group).numel() == 0) continue;
    if (group == ParameterGroup::kMatrices && options_.muon) {
      MuonStep(share * options_.muon_lr);
    } else {
      AdamWStep(group, step,
                share * (group == ParameterGroup::kInteraction ? options_.int_lr.value_or(options_.lr) : options_.lr));
    }
  }
}

void Optimiser::AdamWStep(ParameterGroup group, int64_t step, double lr) {
  const int g = static_cast<int>(group);
  const double n = static_cast<double>(step + 1);
  const double correction1 = 1 - std::pow(options_.beta1, n), correction2 = 1 - std::pow(options_.beta2, n);
  Tensor& values = parameters_->Flat(group);
  const Tensor& gradient = parameters_->FlatGradient(group);
  const bool decays = group == ParameterGroup::kMatrices || group == ParameterGroup::kEmbeddings;
  if (decays) values.mul_(1 - lr * options_.weight_decay);
  first_[g].mul_(options_.beta1).add_(gradient, 1 - options_.beta1);
  second_[g].mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
  const Tensor root = (second_[g] / correction2).sqrt_().add_(options_.epsilon);
  values.addcdiv_(first_[g], root, -lr / correction1);
}

void Optimiser::MuonStep(double lr) {
  const int g = static_cast<int>(ParameterGroup::kMatrices);
  parameters_->Flat(ParameterGroup::kMatrices).mul_(1 - lr * options_.weight_decay);
  first_[g].mul_(options_.momentum).add_(parameters_->FlatGradient(ParameterGroup::kMatrices));
  struct Update {
    Tensor value;
    double rate;
    Tensor direction;
  };
  const Tensor directions = torch::zeros_like(first_[g]);
  std::vector<Update> updates;
  int64_t offset = 0;
  for (const Parameter& parameter : parameters_->all()) {
    if (parameter.group != ParameterGroup::kMatrices) continue;
    const auto flat = [&](const Tensor& of) {
      return of.narrow(0, offset, parameter.value.numel()).view(parameter.value.sizes());
    };
    const Tensor ahead = at::add(parameter.value.grad(), flat(first_[g]), options_.momentum);  // Nesterov
    const int64_t parts = Parts(parameter);
    const std::vector<Tensor> all = ahead.chunk(parts, 1), values = parameter.value.detach().chunk(parts, 1),
                              results = flat(directions).chunk(parts, 1);
    offset += parameter.value.numel();
    for (int64_t part = 0; part < parts; ++part) {
      // Stored [in, out]: a map to more outputs than inputs gets a longer step, so that outputs move alike.
      const double shape = static_cast<double>(all[part].size(1)) / static_cast<double>(all[part].size(0));
      const bool ours = static_cast<int>(updates.size()) % exchange_->processes() == exchange_->rank();
      updates.push_back({values[part], lr * std::sqrt(std::max(1.0, shape)), results[part]});
      if (ours) updates.back().direction.copy_(Orthogonalise(all[part]));
    }
  }
  exchange_->Sum(directions);
  for (Update& update : updates) update.value.sub_(update.direction, update.rate);
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
