// All tensors of a directory by canonical name, whether they stand in one file or in several.
#ifndef DCP_IO_TENSOR_SET_H_
#define DCP_IO_TENSOR_SET_H_

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/safetensors.h"

namespace dcp {

// A tensor and the file it stands in.
struct StoredTensor {
  const SafetensorsFile* file = nullptr;
  const TensorView* view = nullptr;

  // "m/model.safetensors: tensor wte.weight", how messages about it begin.
  std::string Where(const std::string& name) const;

  // Its values as float32. Throws Error(kInvalidModel) naming `name` when one is NaN or infinite, Error(kOutOfMemory).
  // REQUIRES: AsWeightType(view->dtype).
  std::vector<float> Read(const std::string& name) const;
};

// Owns the mapped files; moving keeps them and every StoredTensor in place. Both factories throw
// Error(kIo | kInvalidModel), also for a tensor that is there twice, under two prefixes.
class TensorSet {
 public:
  // model.safetensors, or where that is missing the shards that model.safetensors.index.json names: plain file names in
  // the directory, each tensor in exactly the shard that weight_map says.
  static TensorSet OpenModel(const std::filesystem::path& directory);

  enum class Naming {
    kCanonical,  // without prefixes: TensorNames
    kAsStored,
  };

  // One file.
  static TensorSet OpenFile(const std::filesystem::path& path, Naming naming = Naming::kCanonical);

  const std::map<std::string, StoredTensor>& tensors() const { return tensors_; }

  // What stood before "wte.weight" in the files, such as "transformer."; empty where names are as stored.
  const std::string& prefix() const { return prefix_; }

  // The file to name when a tensor is missing: the only file, or the index.
  const std::filesystem::path& source() const { return source_; }

 private:
  explicit TensorSet(std::filesystem::path source) : source_(std::move(source)) {}

  static TensorSet OpenShards(const std::filesystem::path& index);
  const SafetensorsFile& AddFile(const std::filesystem::path& path);
  void NameTensors(Naming naming);

  std::filesystem::path source_;
  std::string prefix_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, StoredTensor> tensors_;
};

}  // namespace dcp

#endif  // DCP_IO_TENSOR_SET_H_
