#include "io/tensor_set.h"

#include <cmath>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <system_error>

#include "dcp/error.h"
#include "io/model_files.h"
#include "io/tensor_names.h"
#include "support/escape.h"
#include "support/file_kind.h"
#include "support/json.h"

namespace dcp {
namespace {

using Json = nlohmann::json;

[[noreturn]] void Fail(const std::filesystem::path& path, const std::string& what) {
  throw Error(ErrorCode::kInvalidModel, path.string() + ": " + what);
}

std::string DescribeValue(float value) {
  if (std::isnan(value)) return "nan";
  return value > 0 ? "inf" : "-inf";
}

std::vector<float> Allocate(const std::string& where, size_t size) {
  try {
    return std::vector<float>(size);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kOutOfMemory, where + ": cannot hold " + std::to_string(size) + " floats");
  }
}

bool Exists(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// An index must not reach outside its directory.
bool IsPlainFileName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of(std::string_view("/\\:\0", 4)) == name.npos;
}

const Json& WeightMap(const Json& index, const std::filesystem::path& path) {
  const JsonReader map = JsonReader(index, path.string())["weight_map"];
  if (!map.present() || !map.json().is_object()) map.Fail("an object");
  if (map.json().empty()) Fail(path, "weight_map is empty");
  return map.json();
}

// What the weight_map says about one tensor, as a file that is there.
std::filesystem::path ShardPath(const std::filesystem::path& index, const std::string& tensor, const Json& shard) {
  const std::string says = "weight_map: tensor " + OneLine(tensor) + " is in " + Describe(shard);
  if (!shard.is_string() || !IsPlainFileName(shard.get_ref<const std::string&>())) {
    Fail(index, says + ", expected the name of a file beside the index");
  }
  const std::filesystem::path path = index.parent_path() / shard.get_ref<const std::string&>();
  if (!Exists(path)) throw Error(ErrorCode::kIo, index.string() + ": " + says + ", no such file");
  return path;
}

void CheckAllMapped(const SafetensorsFile& file, const Json& weight_map, const std::filesystem::path& index) {
  for (const auto& [tensor, view] : file.tensors()) {
    if (weight_map.contains(tensor)) continue;
    Fail(file.path(), "tensor " + OneLine(tensor) + " is not in the weight_map of " + index.filename().string());
  }
}

}  // namespace

std::string StoredTensor::Where(const std::string& name) const {
  return file->path().string() + ": tensor " + OneLine(name);
}

std::vector<float> StoredTensor::Read(const std::string& name) const {
  std::vector<float> values = Allocate(Where(name), view->bytes.size() / ItemSize(view->dtype));
  const size_t bad = ConvertToFloat(view->dtype, view->bytes, values);
  if (bad != values.size()) {
    throw Error(ErrorCode::kInvalidModel, Where(name) + " holds " + DescribeValue(values[bad]) + " at index " +
                                              std::to_string(bad) + " of " + std::to_string(values.size()) +
                                              ", expected finite values");
  }
  file->Forget(*view);
  return values;
}

TensorSet TensorSet::OpenFile(const std::filesystem::path& path, Naming naming) {
  TensorSet set(path);
  set.AddFile(path);
  set.NameTensors(naming);
  return set;
}

TensorSet TensorSet::OpenModel(const std::filesystem::path& directory) {
  const std::filesystem::path single = directory / "model.safetensors";
  const std::filesystem::path index = directory / "model.safetensors.index.json";
  if (Exists(single)) return OpenFile(single);
  if (Exists(index)) return OpenShards(index);
  std::string other = OtherModelFile(directory);
  if (other.empty()) other = "and no " + index.filename().string() + " beside it";
  throw Error(ErrorCode::kIo, single.string() + ": no such file; " + other);
}

TensorSet TensorSet::OpenShards(const std::filesystem::path& index) {
  TensorSet set(index);
  const Json json = LoadJsonObject(index);
  const Json& weight_map = WeightMap(json, index);
  std::map<std::filesystem::path, const SafetensorsFile*> shards;
  for (const auto& [tensor, shard] : weight_map.items()) {
    const std::filesystem::path path = ShardPath(index, tensor, shard);
    const SafetensorsFile*& file = shards[path];
    if (file == nullptr) file = &set.AddFile(path);
    if (!file->tensors().contains(tensor)) {
      Fail(path, "tensor " + OneLine(tensor) + " is missing, " + index.filename().string() + " says it is here");
    }
  }
  for (const auto& file : set.files_) CheckAllMapped(*file, weight_map, index);
  set.NameTensors(Naming::kCanonical);
  return set;
}

const SafetensorsFile& TensorSet::AddFile(const std::filesystem::path& path) {
  files_.push_back(std::make_unique<SafetensorsFile>(SafetensorsFile::Open(FollowLinkText(path))));
  return *files_.back();
}

void TensorSet::NameTensors(Naming naming) {
  std::vector<std::string> stored;
  for (const auto& file : files_) {
    for (const auto& [name, view] : file->tensors()) stored.push_back(name);
  }
  std::optional<TensorNames> names;
  if (naming == Naming::kCanonical) prefix_ = names.emplace(stored, source_.string()).prefix();
  for (const auto& file : files_) {
    for (const auto& [name, view] : file->tensors()) {
      const auto [present, added] =
          tensors_.try_emplace(names ? names->Canonical(name) : name, StoredTensor{file.get(), &view});
      if (added) continue;
      if (present->second.file != file.get()) {
        Fail(file->path(),
             "tensor " + OneLine(name) + " is also in " + present->second.file->path().filename().string());
      }
      Fail(file->path(), "tensor " + OneLine(present->first) + " is there twice, with and without a prefix");
    }
  }
}

}  // namespace dcp
