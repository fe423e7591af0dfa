// LoRA adapters as PEFT saves them: adapter_config.json and adapter_model.safetensors.
#ifndef DCP_IO_LORA_H_
#define DCP_IO_LORA_H_

#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "dcp/model_config.h"
#include "dcp/warnings.h"
#include "io/tensor_set.h"

namespace dcp {

// What an adapter does to the tensors of a base. For a linear layer with I inputs, O outputs and a rank r it holds
// A [r, I] and B [O, r], and the layer computes with W + scale B A: that sum is what AddTo makes. Immutable; its files
// stay mapped for its lifetime.
class LoraAdapter {
 public:
  // Whether a directory holds an adapter of PEFT, of whichever kind.
  static bool IsIn(const std::filesystem::path& directory);

  // Reads the config and the headers, and checks them against the base. Throws Error(kIo | kInvalidModel) for another
  // kind of adapter than LoRA, for variants of it that are more than W + scale B A (DoRA, ..), and for tensors that do
  // not fit `base`, which `base_path` names.
  static LoraAdapter Open(const std::filesystem::path& directory, const ModelConfig& base,
                          const std::filesystem::path& base_path, Warnings* warnings);

  // Tensors that take the place of the base's whole: biases that were trained along, modules_to_save. By canonical
  // name; the shapes are those of the base but for the rows of wte.weight.
  const std::map<std::string, StoredTensor>& replaced() const { return replaced_; }

  // True when the embedding or the output matrix was trained apart from the other: a tied base becomes one with two.
  bool unties() const { return unties_; }

  // Adds scale B A to a tensor of the base, as it is stored; does nothing where there is none for `name`. Throws
  // Error(kInvalidModel) when A or B holds a value that is not finite, or one comes out.
  void AddTo(const std::string& name, std::span<float> values) const;

 private:
  struct Delta {
    StoredTensor a;  // [r, I]
    StoredTensor b;  // [O, r]
    std::string a_name, b_name;
    double scale = 0;
    bool outputs_first = false;  // W is [O, I], and not [I, O]
  };
  struct Settings;
  class Sorter;

  explicit LoraAdapter(TensorSet tensors) : tensors_(std::move(tensors)) {}

  TensorSet tensors_;
  std::map<std::string, StoredTensor> replaced_;
  std::map<std::string, Delta> deltas_;
  bool unties_ = false;
};

}  // namespace dcp

#endif  // DCP_IO_LORA_H_
