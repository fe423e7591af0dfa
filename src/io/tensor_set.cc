#include "io/tensor_set.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

#include "dcp/error.h"
#include "support/escape.h"
#include "support/json.h"

namespace dcp {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kPrefix = "transformer.";

[[noreturn]] void Fail(const std::filesystem::path& path, const std::string& what) {
  throw Error(ErrorCode::kInvalidModel, path.string() + ": " + what);
}

std::string Canonical(const std::string& name) {
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
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

TensorSet TensorSet::OpenFile(const std::filesystem::path& path) {
  TensorSet set(path);
  set.AddFile(path);
  return set;
}

TensorSet TensorSet::OpenModel(const std::filesystem::path& directory) {
  const std::filesystem::path single = directory / "model.safetensors";
  const std::filesystem::path index = directory / "model.safetensors.index.json";
  if (Exists(single)) return OpenFile(single);
  if (Exists(index)) return OpenShards(index);
  throw Error(ErrorCode::kIo, single.string() + ": no such file, and no " + index.filename().string() + " beside it");
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
  return set;
}

const SafetensorsFile& TensorSet::AddFile(const std::filesystem::path& path) {
  files_.push_back(std::make_unique<SafetensorsFile>(SafetensorsFile::Open(path)));
  const SafetensorsFile& file = *files_.back();
  for (const auto& [name, view] : file.tensors()) {
    const auto [present, added] = tensors_.try_emplace(Canonical(name), StoredTensor{&file, &view});
    if (added) continue;
    if (present->second.file != &file) {
      Fail(path, "tensor " + OneLine(name) + " is also in " + present->second.file->path().filename().string());
    }
    Fail(path, "tensor " + OneLine(present->first) + " is there twice, with and without \"transformer.\"");
  }
  return file;
}

}  // namespace dcp
