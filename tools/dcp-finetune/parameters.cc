#include "dcp-finetune/parameters.h"

#include <algorithm>
#include <cmath>

#include "dcp/error.h"
#include "io/checkpoint.h"

namespace dcp::finetune {
namespace {

using torch::Tensor;

ParameterGroup GroupOf(TensorRole role) {
  switch (role) {
    case TensorRole::kEmbedding:
    case TensorRole::kOutputMatrix:
      return ParameterGroup::kEmbeddings;
    case TensorRole::kMatrix:
    case TensorRole::kQkvMatrix:
    case TensorRole::kResidualMatrix:
      return ParameterGroup::kMatrices;
    case TensorRole::kInteractionMatrix:
    case TensorRole::kInteractionBias:
      return ParameterGroup::kInteraction;
    case TensorRole::kBias:
    case TensorRole::kNormWeight:
    case TensorRole::kNormBias:
      break;
  }
  return ParameterGroup::kVectors;
}

// Values of a new tensor of the base, as GPT-2's begin; what is drawn is drawn from torch's generator.
void InitialiseBase(const Parameter& parameter, int layers) {
  constexpr double kStd = 0.02;
  Tensor value = parameter.value;
  if (parameter.group == ParameterGroup::kVectors) {
    value.fill_(parameter.role == TensorRole::kNormWeight ? 1 : 0);
  } else {
    const bool residual = parameter.role == TensorRole::kResidualMatrix;
    value.copy_(torch::randn(value.sizes()) * (residual ? kStd / std::sqrt(2.0 * layers) : kStd));
  }
}

// [rows, C] from fewer: neighbours of the new rows are as far apart as those of the old ones, whose differences are
// most of what attention has learned of positions.
Tensor Repeated(const Tensor& table, int64_t rows) {
  const int64_t times = (rows + table.size(0) - 1) / table.size(0);
  return table.repeat({times, 1}).slice(0, 0, rows);
}

}  // namespace

GroupSizes SizesOf(const ModelConfig& config) {
  GroupSizes sizes = {};
  ForEachTensor(config, [&](const TensorSpec& spec) { sizes[static_cast<int>(GroupOf(spec.role))] += spec.size(); });
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
  ForEachTensor(config, [&](const TensorSpec& spec) {
    const ParameterGroup group = GroupOf(spec.role);
    const int g = static_cast<int>(group);
    Tensor value = flat_[g].narrow(0, offsets[g], spec.size()).view(spec.shape).detach();
    value.set_requires_grad(true);
    value.mutable_grad() = gradients_[g].narrow(0, offsets[g], spec.size()).view(spec.shape);
    offsets[g] += spec.size();
    index_[spec.name] = parameters_.size();
    parameters_.push_back({spec.name, value, spec.role, group});
  });
}

Parameters Parameters::Initialise(const ModelConfig& config, const InteractionInit& init, uint64_t seed,
                                  torch::Device device) {
  Parameters parameters(config, device);
  torch::manual_seed(seed);
  torch::NoGradGuard no_grad;
  for (const Parameter& parameter : parameters.parameters_) {
    if (parameter.group != ParameterGroup::kInteraction) InitialiseBase(parameter, config.n_layer);
  }
  parameters.InitialiseInteraction(init);
  return parameters;
}

void Parameters::InitialiseInteraction(const InteractionInit& init) {
  torch::NoGradGuard no_grad;
  size_t layer = 0;  // biases come in the order of layers
  for (Parameter& parameter : parameters_) {
    if (parameter.group != ParameterGroup::kInteraction) continue;
    if (parameter.role == TensorRole::kInteractionBias) {
      parameter.value.fill_(init.bias[init.bias.size() == 1 ? 0 : layer++]);
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
    std::vector<int64_t> shape = parameter.value.sizes().vec();
    const bool positions = parameter.name == "wpe.weight";
    if (positions) shape[0] = checkpoint.config().n_positions;
    std::vector<float> values = checkpoint.Read(parameter.name, shape);
    const Tensor read = torch::from_blob(values.data(), shape, torch::kFloat);
    parameter.value.copy_(positions ? Repeated(read, parameter.value.size(0)) : read);
  }
  return parameters;
}

const Tensor& Parameters::operator[](const std::string& name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) throw Error(ErrorCode::kInternal, "the trainer has no parameter " + name);
  return parameters_[found->second].value;
}

const Tensor& Parameters::Output() const {
  return (*this)[config_.tie_word_embeddings ? "wte.weight" : "lm_head.weight"];
}

const Tensor& Parameters::Layer(int layer, const char* name) const { return (*this)[LayerPrefix(layer) + name]; }

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
