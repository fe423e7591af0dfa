#include "dcp-finetune/convert/source_files.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "dcp-finetune/convert/torch_file.h"
#include "dcp/error.h"
#include "support/escape.h"
#include "support/files.h"
#include "support/json.h"
#include "support/output_file.h"

namespace dcp::finetune {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIndex = "pytorch_model.bin.index.json";
constexpr const char* kAdapter = "adapter_model.bin";

// What else torch.save leaves in such a directory.
constexpr const char* kNoWeights[] = {"training_args.bin", "optimizer.pt", "optimizer.bin", "scheduler.pt",
                                      "scheduler.bin",     "scaler.pt",    "trainer.pt",    kAdapter};

bool IsTorchFile(const fs::path& path) {
  const std::string name = path.filename().string(), extension = path.extension().string();
  if (extension != ".bin" && extension != ".pt" && extension != ".pth") return false;
  return !name.starts_with("rng_state") && std::ranges::find(kNoWeights, name) == std::end(kNoWeights);
}

std::vector<fs::path> ShardsOf(const fs::path& index) {
  const nlohmann::json json = LoadJsonObject(index);
  const JsonReader map = JsonReader(json, index.string())["weight_map"];
  if (!map.present() || !map.json().is_object() || map.json().empty())
    map.Fail("an object with a file for each tensor");
  std::set<fs::path> shards;
  for (const auto& [tensor, shard] : map.json().items()) {
    const std::string& name = map[tensor].Text();
    const fs::path path = index.parent_path() / name;
    if (name != fs::path(name).filename()) map[tensor].Fail("the name of a file beside the index");
    if (!fs::exists(path)) throw Error(ErrorCode::kIo, index.string() + ": names " + OneLine(name) + ", no such file");
    shards.insert(path);
  }
  return {shards.begin(), shards.end()};
}

bool IsAdapter(const std::vector<fs::path>& files) { return files.size() == 1 && files[0].filename() == kAdapter; }

}  // namespace

std::vector<fs::path> TorchFilesOf(const fs::path& directory) {
  if (directory.empty()) return {};
  const auto has = [&](const char* name) { return fs::exists(directory / name); };
  if (has("model.safetensors") || has("model.safetensors.index.json")) return {};
  if (has("adapter.safetensors") || has("adapter_model.safetensors")) return {};
  if (has("pytorch_model.bin")) return {directory / "pytorch_model.bin"};
  if (has(kIndex)) return ShardsOf(directory / kIndex);
  if (has(kAdapter)) return {directory / kAdapter};
  std::vector<fs::path> files;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, failed)) {
    if (IsTorchFile(entry.path())) files.push_back(entry.path());
  }
  if (files.size() < 2) return files;
  std::ranges::sort(files);
  throw Error(ErrorCode::kInvalidModel, directory.string() + ": has " + OneLine(files[0].filename().string()) +
                                            " and " + OneLine(files[1].filename().string()) +
                                            ", which of them is the model? Call it pytorch_model.bin");
}

void MakeReadable(const fs::path& directory, const std::vector<fs::path>& files, const fs::path& to) {
  fs::create_directories(to);
  for (const char* name : {"config.json", "generation_config.json", "adapter_config.json"}) {
    if (fs::exists(directory / name)) OutputFile(to / name).Commit(ReadFile(directory / name));
  }
  std::vector<NamedTensor> tensors;
  for (const fs::path& file : files) std::ranges::move(ReadTorchFile(file), std::back_inserter(tensors));
  WriteTensorFile(to / (IsAdapter(files) ? "adapter_model.safetensors" : "model.safetensors"), tensors);
}

}  // namespace dcp::finetune
