// The tensors of a Hugging Face GPT-2 directory, sharded or not, with an adapter put on top.
#ifndef DCP_IO_CHECKPOINT_H_
#define DCP_IO_CHECKPOINT_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dcp/model_config.h"
#include "dcp/types.h"
#include "dcp/warnings.h"

namespace dcp {

// Names are canonical, without "transformer.": wte.weight, wpe.weight, h.{i}.attn.c_attn.weight, ..., ln_f.bias.
// Immutable; files stay mapped for its lifetime.
class Checkpoint {
 public:
  // Reads config.json and the headers of all tensor files. Throws Error(kIo | kInvalidModel). Checks everything that
  // can be told from the headers: offsets, types, that every tensor the config asks for is there with its shape, that
  // none is of another kind of model. What leaves the answer well defined is a warning: biases that are missing are
  // zeros, V and P are the rows of the tables whatever the config says, layers beyond L, heads for other tasks and the
  // head of a tied model are left out. `adapter` is a directory of interaction tensors (config.json with "dcp",
  // adapter.safetensors) or of LoRA as PEFT saves it (adapter_config.json, adapter_model.safetensors); empty: none.
  static Checkpoint Open(const std::filesystem::path& directory, const std::filesystem::path& adapter = {},
                         Warnings* warnings = nullptr);

  Checkpoint(Checkpoint&&) noexcept;
  ~Checkpoint();

  // Of the base, with what the adapter changes: int_n_embd and eviction_delay, or, for LoRA on the embedding or the
  // head alone, tie_word_embeddings.
  const ModelConfig& config() const;

  // The type in which the matrices are stored, float32 where they differ or are float64.
  WeightType stored_type() const;

  bool Has(const std::string& name) const;

  // A tensor converted to float32, row-major, with what LoRA adds to it. Throws Error(kInvalidModel) naming file and
  // tensor when it is missing, its shape differs from `shape`, or a value is NaN or infinite.
  std::vector<float> Read(const std::string& name, std::span<const int64_t> shape) const;

 private:
  struct Impl;
  explicit Checkpoint(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dcp

#endif  // DCP_IO_CHECKPOINT_H_
