#include "io/model_files.h"

#include <algorithm>
#include <system_error>
#include <vector>

#include "support/escape.h"

namespace dcp {
namespace {

namespace fs = std::filesystem;

// Files whose names begin and end so: what they are, and what helps.
struct KnownFile {
  std::string_view begins, ends;
  std::string_view what;
  std::string_view help;
};

constexpr std::string_view kPyTorch = "weights of PyTorch";
constexpr std::string_view kConvert =
    "make safetensors of it with dcp-finetune convert --base ";  // a directory follows
constexpr std::string_view kSave = "save the model as safetensors, as transformers' save_pretrained does";
constexpr std::string_view kDownload = "a download that was not finished";
constexpr std::string_view kAgain = "fetch it again";
constexpr std::string_view kAdapter = "an adapter";
constexpr std::string_view kApart = "name its directory with --adapter, and the base model's with --model";

constexpr KnownFile kKnownFiles[] = {
    {"pytorch_model", ".bin", kPyTorch, kConvert},
    {"pytorch_model", ".bin.index.json", kPyTorch, kConvert},
    {"", ".pth", kPyTorch, kConvert},
    {"", ".pt", kPyTorch, kConvert},
    {"adapter_model", ".safetensors", kAdapter, kApart},
    {"adapter_model", ".bin", kAdapter, kApart},
    {"adapter.safetensors", "", kAdapter, kApart},
    {"", ".incomplete", kDownload, kAgain},
    {"", ".part", kDownload, kAgain},
    {"", ".crdownload", kDownload, kAgain},
    {"", ".aria2", kDownload, kAgain},
    {"model-", ".safetensors", "a shard of a model", "its index, model.safetensors.index.json, is missing"},
    {"", ".safetensors", "safetensors under another name", "call it model.safetensors"},
    {"", ".gguf", "weights of llama.cpp", kSave},
    {"tf_model", ".h5", "weights of TensorFlow", kSave},
    {"flax_model", ".msgpack", "weights of Flax", kSave},
    {"model.ckpt", "", "a checkpoint of TensorFlow 1", kSave},
    {"", ".onnx", "a model for ONNX", kSave},
    {"rust_model", ".ot", "weights of rust-bert", kSave},
};

bool Matches(const KnownFile& known, std::string_view name) {
  return name != "model.safetensors" && name.starts_with(known.begins) && name.ends_with(known.ends);
}

}  // namespace

std::string OtherModelFile(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  for (const KnownFile& known : kKnownFiles) {
    const auto found = std::ranges::find_if(names, [&](const std::string& name) { return Matches(known, name); });
    if (found == names.end()) continue;
    std::string help(known.help);
    if (known.help == kConvert) help += OneLine(directory.string()) + " --out DIR";
    return OneLine(*found) + " is there, " + std::string(known.what) + ": " + help;
  }
  return {};
}

}  // namespace dcp
