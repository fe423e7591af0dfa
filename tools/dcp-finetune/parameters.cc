#include "dcp-finetune/parameters.h"

#include <algorithm>
#include <cmath>

#include "dcp/error.h"
#include "io/checkpoint.h"

namespace dcp::finetune {
namespace {

using torch::Tensor;

ParameterGroup GroupOf(const std::string& name, size_t dimensions) {
  if (name.find("_int.weight") != std::string::npos || name.find("int_bias") != std::string::npos) {
    return ParameterGroup::kInteraction;
  }
  if (dimensions != 2) return ParameterGroup::kVectors;
  return name.starts_with("h.") ? ParameterGroup::kMatrices : ParameterGroup::kEmbeddings;
}

int64_t Product(const std::vector<int64_t>& shape) {
  int64_t product = 1;
  for (const int64_t size : shape) product *= size;
  return product;
}

}  // namespace

std::vector<std::pair<std::string, std::vector<int64_t>>> ParameterShapes(const ModelConfig& config) {
  const int64_t C = config.n_embd, M = config.n_inner, R = config.int_n_embd;
  std::vector<std::pair<std::string, std::vector<int64_t>>> shapes = {{"wte.weight", {config.vocab_size, C}},
                                                                      {"wpe.weight", {config.n_positions, C}}};
  for (int i = 0; i < config.n_layer; ++i) {
    const std::string layer = "h." + std::to_string(i) + ".";
    const auto add = [&](const char* name, std::vector<int64_t> shape) {
      shapes.emplace_back(layer + name, std::move(shape));
    };
    add("ln_1.weight", {C});
    add("ln_1.bias", {C});
    add("attn.c_attn.weight", {C, 3 * C});
    add("attn.c_attn.bias", {3 * C});
    add("attn.c_proj.weight", {C, C});
    add("attn.c_proj.bias", {C});
    if (R > 0) {
      add("attn.q_int.weight", {R, C});
      add("attn.k_int.weight", {R, C});
      add("attn.int_bias", {1});
    }
    add("ln_2.weight", {C});
    add("ln_2.bias", {C});
    add("mlp.c_fc.weight", {C, M});
    add("mlp.c_fc.bias", {M});
    add("mlp.c_proj.weight", {M, C});
    add("mlp.c_proj.bias", {C});
  }
  shapes.emplace_back("ln_f.weight", std::vector<int64_t>{C});
  shapes.emplace_back("ln_f.bias", std::vector<int64_t>{C});
  return shapes;
}

GroupSizes SizesOf(const ModelConfig& config) {
  GroupSizes sizes = {};
  for (const auto& [name, shape] : ParameterShapes(config)) {
    sizes[static_cast<int>(GroupOf(name, shape.size()))] += Product(shape);
  }
  return sizes;
}

Parameters::Parameters(const ModelConfig& config, torch::Device device) : config_(config) {
  const GroupSizes sizes = SizesOf(config);
  const auto options = torch::TensorOptions().dtype(torch::kFloat).device(device);
  for (int g = 0; g < kParameterGroups; ++g) {
    flat_[g] = torch::zeros({sizes[g]}, options);
    gradients_[g] = torch::zeros({sizes[g]}, options);
  }
  int64_t offsets[kParameterGroups] = {};
  for (const auto& [name, shape] : ParameterShapes(config)) {
    const ParameterGroup group = GroupOf(name, shape.size());
    const int g = static_cast<int>(group);
    const int64_t size = Product(shape);
    Tensor value = flat_[g].narrow(0, offsets[g], size).view(shape).detach();
    value.set_requires_grad(true);
    value.mutable_grad() = gradients_[g].narrow(0, offsets[g], size).view(shape);
    offsets[g] += size;
    index_[name] = parameters_.size();
    parameters_.push_back({name, value, group});
  }
}

Parameters Parameters::Initialise(const ModelConfig& config, const InteractionInit& init, uint64_t seed,
                                  torch::Device device) {
  Parameters parameters(config, device);
  torch::manual_seed(seed);
  torch::NoGradGuard no_grad;
  for (Parameter& parameter : parameters.parameters_) {
    if (parameter.group == ParameterGroup::kInteraction) continue;
    if (parameter.group == ParameterGroup::kVectors) {
      parameter.value.fill_(parameter.name.ends_with(".weight") ? 1 : 0);
      continue;
    }
    const bool residual = parameter.name.ends_with("c_proj.weight");
    const double std = residual ? 0.02 / std::sqrt(2.0 * config.n_layer) : 0.02;
    parameter.value.copy_(torch::randn(parameter.value.sizes()) * std);
  }
  parameters.InitialiseInteraction(init);
  return parameters;
}

void Parameters::InitialiseInteraction(const InteractionInit& init) {
  torch::NoGradGuard no_grad;
  for (Parameter& parameter : parameters_) {
    if (parameter.group != ParameterGroup::kInteraction) continue;
    if (parameter.value.dim() == 1) {
      parameter.value.fill_(init.bias);
    } else {
      parameter.value.copy_(torch::randn(parameter.value.sizes()) * init.std);
    }
  }
}

Parameters Parameters::Load(const std::filesystem::path& directory, const std::filesystem::path& adapter,
                            const ModelConfig& config, const InteractionInit& init, uint64_t seed,
                            torch::Device device) {
  const Checkpoint checkpoint = Checkpoint::Open(directory, adapter);
  Parameters parameters(config, device);
  torch::manual_seed(seed);
  parameters.InitialiseInteraction(init);
  torch::NoGradGuard no_grad;
  for (Parameter& parameter : parameters.parameters_) {
    if (parameter.group == ParameterGroup::kInteraction && !checkpoint.Has(parameter.name)) continue;
    const std::vector<int64_t> shape = parameter.value.sizes().vec();
    std::vector<float> values = checkpoint.Read(parameter.name, shape);
    parameter.value.copy_(torch::from_blob(values.data(), shape, torch::kFloat));
  }
  return parameters;
}

const Tensor& Parameters::operator[](const std::string& name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) throw Error(ErrorCode::kInternal, "the trainer has no parameter " + name);
  return parameters_[found->second].value;
}

const Tensor& Parameters::Layer(int layer, const char* name) const {
  return (*this)["h." + std::to_string(layer) + "." + name];
}

void Parameters::FreezeBase() {
  base_frozen_ = true;
  for (Parameter& parameter : parameters_) {
    if (!Trainable(parameter.group)) parameter.value.set_requires_grad(false);
  }
}

bool Parameters::Trainable(ParameterGroup group) const {
  return !base_frozen_ || group == ParameterGroup::kInteraction;
}

void Parameters::ZeroGradients() {
  for (Tensor& gradient : gradients_) gradient.zero_();
}

int64_t Parameters::Count() const {
  int64_t count = 0;
  for (const Tensor& flat : flat_) count += flat.numel();
  return count;
}

}  // namespace dcp::finetune
