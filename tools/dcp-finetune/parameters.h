// The trainable tensors of a model, by their names in a checkpoint.
#ifndef DCP_TOOLS_DCP_FINETUNE_PARAMETERS_H_
#define DCP_TOOLS_DCP_FINETUNE_PARAMETERS_H_

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "dcp-finetune/train_options.h"
#include "dcp/model_config.h"
#include "io/gpt2_tensors.h"

namespace dcp::finetune {

// Which learning rate and weight decay a tensor gets.
enum class ParameterGroup {
  kEmbeddings,   // of tokens and positions, and an output matrix of its own: weight decay
  kMatrices,     // weights of two dimensions in the blocks: weight decay
  kVectors,      // biases and norms of the base: none
  kInteraction,  // q_int, k_int, int_bias: none, and a learning rate of their own
};
inline constexpr int kParameterGroups = 4;

struct Parameter {
  std::string name;     // canonical, without "transformer."
  torch::Tensor value;  // a leaf
  TensorRole role;
  ParameterGroup group;  // what follows from the role
};

using GroupSizes = std::array<int64_t, kParameterGroups>;  // numbers in each

GroupSizes SizesOf(const ModelConfig& config);

// Owns the tensors. All values of a group are one flat tensor, and all its gradients another, of which the parameters
// are views, in the order of ForEachTensor (io/gpt2_tensors.h), which saved states rely on: an optimiser step, a
// gradient norm or an exchange between processes is one operation per group.
class Parameters {
 public:
  // A fresh model: GPT-2's initialisation, drawn from `seed`.
  static Parameters Initialise(const ModelConfig& config, const InteractionInit& init, uint64_t seed,
                               torch::Device device);

  // From a Hugging Face directory with an optional adapter. Where `config.int_n_embd` asks for interaction tensors that
  // the checkpoint lacks, they begin as `init` says; where `config.n_positions` asks for more positions, those of the
  // checkpoint are repeated. Throws dcp::Error.
  static Parameters Load(const std::filesystem::path& directory, const std::filesystem::path& adapter,
                         const ModelConfig& config, const InteractionInit& init, uint64_t seed, torch::Device device);

  const ModelConfig& config() const { return config_; }
  const std::vector<Parameter>& all() const { return parameters_; }
  const torch::Tensor& operator[](const std::string& name) const;  // throws dcp::Error(kInternal)
  const torch::Tensor& Output() const;                             // [V, C]: what makes the logits, tied or not
  const torch::Tensor& Layer(int layer, const char* name) const;   // "attn.c_attn.weight" of one layer

  // Lets only the interaction tensors learn.
  void FreezeBase();
  bool Trainable(ParameterGroup group) const;

  torch::Tensor& Flat(ParameterGroup group) { return flat_[static_cast<int>(group)]; }
  torch::Tensor& FlatGradient(ParameterGroup group) { return gradients_[static_cast<int>(group)]; }
  void ZeroGradients();

  int64_t Count() const;  // numbers, tied embedding once

 private:
  Parameters(const ModelConfig& config, torch::Device device);
  void InitialiseInteraction(const InteractionInit& init);

  ModelConfig config_;
  std::vector<Parameter> parameters_;
  std::map<std::string, size_t> index_;
  torch::Tensor flat_[kParameterGroups];
  torch::Tensor gradients_[kParameterGroups];
  bool base_frozen_ = false;
};

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_PARAMETERS_H_
