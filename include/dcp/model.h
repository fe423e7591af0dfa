// A loaded GPT-2 model: its configuration and its weights, packed for the kernels. Immutable after loading, so one
// Model may serve any number of Sessions and threads at once.
#ifndef DCP_MODEL_H_
#define DCP_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

#include "dcp/export.h"
#include "dcp/model_config.h"
#include "dcp/types.h"
#include "dcp/warnings.h"

namespace dcp {

struct ModelWeights;  // internal: src/model/weights.h

// How a model is loaded.
struct ModelOptions {
  // How weights are held; absent: as the checkpoint stores its matrices, in float32 where these are float64 or of
  // several types.
  std::optional<WeightType> weights = {};
  // Directory of an adapter put on top: interaction tensors (config.json with "dcp", adapter.safetensors), or LoRA as
  // PEFT saves it (adapter_config.json, adapter_model.safetensors), which is added to the weights; empty: none.
  std::filesystem::path adapter = {};
  // Where to put what was odd in the files and did not stop loading; null: nowhere.
  Warnings* warnings = nullptr;
};

// Made by Load or Random, shared by whoever uses it. All methods may be called from any number of threads at once.
class DCP_EXPORT Model {
 public:
  // Loads a Hugging Face GPT-2 directory: config.json and model.safetensors (or the sharded form with
  // model.safetensors.index.json). Files are mapped while loading and released before it returns. What leaves the
  // answer well defined is a warning: missing biases are zeros, the rows of the embeddings decide about V and P, what
  // no language model needs is left out. Throws Error(kIo | kInvalidModel | kOutOfMemory); a tensor that is missing,
  // has the wrong shape or type, or holds a value that is not finite is named in the message.
  static std::shared_ptr<const Model> Load(const std::filesystem::path& directory, const ModelOptions& options = {});

  // A model of the given shape with random weights (bell-shaped, standard deviation 0.02; beta = +2), for benchmarks
  // and tests. The same (config, seed) gives the same weights everywhere. Throws Error(kInvalidModel) for an impossible
  // shape, Error(kOutOfMemory) for one that the system has no memory for.
  static std::shared_ptr<const Model> Random(const ModelConfig& config, uint64_t seed,
                                             WeightType weights = WeightType::kF32);

  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // Shape and variant; of an adapter R and W.
  const ModelConfig& config() const { return config_; }

  // How the matrices are held.
  WeightType weight_type() const { return weight_type_; }

  // True when every layer has interaction projections, i.e. the learned policy can run.
  bool has_interaction() const { return config_.int_n_embd > 0; }

  // Bytes held for weights, padding included.
  size_t weight_bytes() const;

  // A number that differs between models that compute different things (used to refuse a foreign saved cache). The
  // first call reads all weights.
  uint64_t fingerprint() const;

  // Internal: programs can do nothing with it.
  const ModelWeights& weights() const { return *weights_; }

 private:
  Model(const ModelConfig& config, WeightType type, std::unique_ptr<ModelWeights> weights);

  ModelConfig config_;
  WeightType weight_type_;
  std::unique_ptr<ModelWeights> weights_;
  mutable std::once_flag fingerprint_made_;
  mutable uint64_t fingerprint_ = 0;
};

}  // namespace dcp

#endif  // DCP_MODEL_H_
