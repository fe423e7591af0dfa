#include "dcp-finetune/train_state.h"

#include <algorithm>
#include <string>
#include <vector>

#include "dcp-finetune/tensor_file.h"
#include "dcp/error.h"
#include "io/safetensors.h"

namespace dcp::finetune {
namespace {

using torch::Tensor;

constexpr char kStep[] = "finished_steps";

constexpr const char* kKinds[] = {"values", "first_moment", "second_moment"};

std::string StateName(const char* kind, int group) { return std::string(kind) + "." + std::to_string(group); }

// Calls fn(name, tensor) for what a state holds of each group.
template <typename Fn>
void ForEachStateTensor(Parameters& parameters, Optimiser& optimiser, const Fn& fn) {
  for (int g = 0; g < kParameterGroups; ++g) {
    fn(StateName(kKinds[0], g), parameters.Flat(static_cast<ParameterGroup>(g)));
    fn(StateName(kKinds[1], g), optimiser.FirstMoment(g));
    fn(StateName(kKinds[2], g), optimiser.SecondMoment(g));
  }
}

const TensorView& Find(const SafetensorsFile& file, const std::string& name, DType dtype, size_t bytes) {
  const auto found = file.tensors().find(name);
  if (found == file.tensors().end()) {
    throw Error(ErrorCode::kInvalidModel, file.path().string() + ": no tensor " + name);
  }
  if (found->second.dtype != dtype || found->second.bytes.size() != bytes) {
    throw Error(ErrorCode::kInvalidModel, file.path().string() + ": tensor " + name + " has " +
                                              std::to_string(found->second.bytes.size()) + " bytes, this run has " +
                                              std::to_string(bytes));
  }
  return found->second;
}

void Restore(const SafetensorsFile& file, const std::string& name, Tensor& to) {
  const TensorView& view = Find(file, name, DType::kF32, to.nbytes());
  Tensor values = torch::empty(to.sizes(), torch::kFloat);
  std::copy(view.bytes.begin(), view.bytes.end(), static_cast<std::byte*>(values.data_ptr()));
  torch::NoGradGuard no_grad;
  to.copy_(values);
}

}  // namespace

void SaveState(const std::filesystem::path& file, int64_t finished_steps, Parameters& parameters,
               Optimiser& optimiser) {
  std::vector<NamedTensor> tensors = {{kStep, torch::full({1}, finished_steps, torch::kLong)}};
  ForEachStateTensor(parameters, optimiser, [&](const std::string& name, const Tensor& value) {
    tensors.push_back({name, value.cpu().contiguous()});
  });
  WriteTensorFile(file, tensors);
}

int64_t CheckState(const std::filesystem::path& path, const ModelConfig& config) {
  const SafetensorsFile file = SafetensorsFile::Open(path);
  const GroupSizes sizes = SizesOf(config);
  for (int g = 0; g < kParameterGroups; ++g) {
    for (const char* kind : kKinds) Find(file, StateName(kind, g), DType::kF32, sizes[g] * sizeof(float));
  }
  int64_t finished_steps = 0;
  const TensorView& step = Find(file, kStep, DType::kI64, sizeof finished_steps);
  std::copy(step.bytes.begin(), step.bytes.end(), reinterpret_cast<std::byte*>(&finished_steps));
  return finished_steps;
}

void LoadState(const std::filesystem::path& path, Parameters& parameters, Optimiser& optimiser) {
  const SafetensorsFile file = SafetensorsFile::Open(path);
  ForEachStateTensor(parameters, optimiser,
                     [&](const std::string& name, Tensor& value) { Restore(file, name, value); });
}

}  // namespace dcp::finetune
