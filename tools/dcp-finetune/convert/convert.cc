#include "dcp-finetune/convert/convert.h"

#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "dcp-finetune/convert/new_directory.h"
#include "dcp-finetune/convert/source_files.h"
#include "dcp-finetune/saved_model.h"
#include "dcp/error.h"
#include "io/checkpoint.h"
#include "io/gpt2_tensors.h"

namespace dcp::finetune {
namespace {

namespace fs = std::filesystem;

void Replace(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

// A directory that the library can read: the user's own, or one made of it whose name nobody knows.
class Readable {
 public:
  Readable(const fs::path& directory, const fs::path& scratch) : original_(directory), path_(directory) {
    const std::vector<fs::path> files = TorchFilesOf(directory);
    if (files.empty()) return;
    path_ = scratch;
    source_ = files.size() == 1 ? files[0] : directory / "pytorch_model.bin.index.json";
    MakeReadable(directory, files, scratch);
  }

  const fs::path& path() const { return path_; }

  // A message as it would be about the user's files.
  std::string Translate(std::string message) const {
    if (source_.empty()) return message;
    for (const char* name : {"model.safetensors", "adapter_model.safetensors"}) {
      Replace(message, (path_ / name).string(), source_.string());
    }
    Replace(message, path_.string(), original_.string());
    return message;
  }

 private:
  fs::path original_, path_;
  fs::path source_;  // what messages about the made file name; empty: none was made
};

std::vector<NamedTensor> ReadTensors(const Checkpoint& checkpoint, WeightType type) {
  std::vector<NamedTensor> tensors;
  ForEachTensor(checkpoint.config(), [&](const TensorSpec& spec) {
    auto values = std::make_shared<std::vector<float>>(checkpoint.Read(spec.name, spec.shape));
    const auto keep = [values](void*) {};
    const torch::Tensor whole = torch::from_blob(values->data(), spec.shape, keep, torch::kFloat);
    tensors.push_back(ToSave(spec.name, whole, spec.role, type));
  });
  return tensors;
}

void CheckOut(const ConvertOptions& o) {
  std::error_code ignored;
  if (fs::equivalent(o.base, o.out, ignored)) {
    throw Error(ErrorCode::kInvalidArgument, "--out is the directory of --base, which would be overwritten");
  }
  if (!o.overwrite) CheckNothingThere(o.out, {"config.json", "model.safetensors"}, "--overwrite");
}

}  // namespace

int Convert(const ConvertOptions& o, tools::ToolIo& io) {
  CheckOut(o);
  NewDirectory out(o.out);
  const fs::path scratch = out.path() / "scratch";
  const Readable base(o.base, scratch / "base");
  const Readable adapter(o.adapter, scratch / "adapter");
  try {
    Warnings warnings;
    const Checkpoint checkpoint = Checkpoint::Open(base.path(), adapter.path(), &warnings);
    for (std::string& warning : warnings) warning = adapter.Translate(base.Translate(std::move(warning)));
    tools::ShowWarnings(warnings, io);
    const WeightType type = o.saved_type.value_or(checkpoint.stored_type());
    ModelToSave target;
    target.directory = out.path();
    target.type = type;
    target.TakeAlong(base.path() / "config.json", o.base, o.base);
    SaveModel(target, checkpoint.config(), ReadTensors(checkpoint, type));
    fs::remove_all(scratch);
    out.Commit();
    io.err << "dcp-finetune: " << checkpoint.config().ParameterCount() << " weights as " << ToString(type) << " in "
           << o.out << '\n';
  } catch (const Error& error) {
    throw Error(error.code(), adapter.Translate(base.Translate(error.what())));
  }
  return tools::kExitDone;
}

}  // namespace dcp::finetune
