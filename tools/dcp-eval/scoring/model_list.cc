#include "dcp-eval/scoring/model_list.h"

#include <cmath>
#include <filesystem>

#include "common/files.h"
#include "common/hub_cache.h"
#include "common/option_group.h"
#include "dcp/error.h"
#include "dcp/tokenizer.h"
#include "support/json.h"

namespace dcp::tools {
namespace {

// A path of a manifest, which is relative to its `folder`; empty where absent.
std::string ReadPath(const JsonReader& path, const std::filesystem::path& folder) {
  if (!path.present()) return "";
  if (path.Text().empty()) path.Fail("a directory");
  return (folder / path.Text()).lexically_normal().string();
}

ModelEntry ReadEntry(const JsonReader& entry, const std::filesystem::path& folder) {
  ModelEntry result;
  result.model = ReadPath(entry["model"], folder);
  if (result.model.empty()) entry["model"].Fail("a directory");
  result.adapter = ReadPath(entry["adapter"], folder);
  result.gamma = entry["gamma"].MaybeNumber();
  return result;
}

TunedBaseline ReadBaseline(const JsonReader& entry, const std::filesystem::path& folder) {
  TunedBaseline baseline{ReadEntry(entry, folder), {}};
  const JsonReader policy = entry["policy"];
  const std::string& text = policy.Text();
  try {
    baseline.policy = ParsePolicy(text);
  } catch (const Error& error) {
    policy.Fail("a policy: " + std::string(error.what()));
  }
  if (baseline.policy.Has(PolicySpec::Kind::kLearned)) {
    policy.Fail("a training-free one: learned models belong to sweep");
  }
  return baseline;
}

ModelList FromOptions(const ModelListOptions& options) {
  if (options.models.empty()) RejectInput("give either --manifest or --model");
  const size_t models = options.models.size(), adapters = options.adapters.size();
  if (models > 1 && adapters != 0 && adapters != models) {
    RejectInput("--adapter is given " + std::to_string(adapters) + " times and --model " + std::to_string(models) +
                " times: give one model, or an adapter (- for none) for each");
  }
  ModelList list;
  list.control = {{options.dense_model.empty() ? options.models[0] : options.dense_model, options.dense_adapter}, {}};
  for (size_t i = 0; i < std::max(models, adapters); ++i) {
    ModelEntry entry{{options.models[models == 1 ? 0 : i], i < adapters ? options.adapters[i] : ""}, {}};
    if (entry.adapter == "-") entry.adapter.clear();
    list.variants.push_back(entry);
  }
  return list;
}

}  // namespace

ModelList ParseManifest(const std::string& text, const std::string& file) {
  const nlohmann::json document = ParseJsonObject(text, file, ErrorCode::kInvalidArgument);
  const JsonReader manifest(document, file, ErrorCode::kInvalidArgument);
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  const JsonReader sweep = manifest["sweep"], baselines = manifest["baselines"];
  ModelList list;
  list.control = ReadEntry(manifest["dense_control"], folder);
  for (size_t i = 0; i < sweep.Size(1); ++i) list.variants.push_back(ReadEntry(sweep[i], folder));
  for (size_t i = 0; baselines.present() && i < baselines.Size(); ++i) {
    list.baselines.push_back(ReadBaseline(baselines[i], folder));
  }
  return list;
}

void AddModelList(const OptionGroup& add, ModelListOptions& models) {
  add("--manifest", models.manifest,
      "JSON file that lists the dense control and the models trained with each gamma, relative to its folder", "FILE");
  add.Each("--model", models.models, "Instead: a Hugging Face GPT-2 directory; may be repeated", "DIR", SnapshotOf);
  add.Each("--adapter", models.adapters,
           "Adapter directory; may be repeated: each on the one model, or one for each model (- is none)", "DIR");
  add("--dense-model", models.dense_model, "The dense control; default: the first --model, without adapter", "DIR");
  add("--dense-adapter", models.dense_adapter, "Adapter directory put on top of the dense control", "DIR");
}

std::string ShortName(const ModelSource& entry) {
  return FolderName(entry.model) + (entry.adapter.empty() ? "" : "+" + FolderName(entry.adapter));
}

ModelList ReadModelList(const ModelListOptions& options, ToolIo& io) {
  if (options.manifest.empty()) return FromOptions(options);
  const bool both = !options.models.empty() || !options.adapters.empty() || !options.dense_model.empty() ||
                    !options.dense_adapter.empty();
  if (both) RejectInput("give either --manifest or --model, --adapter, --dense-model, --dense-adapter");
  return ParseManifest(ReadAll(options.manifest, io), options.manifest);
}

void CheckSameTokenizer(const ModelSource& control, const ModelSource& variant) {
  if (control.model == variant.model || !Tokenizer::Present(control.model) || !Tokenizer::Present(variant.model))
    return;
  if (Tokenizer::Load(control.model).fingerprint() == Tokenizer::Load(variant.model).fingerprint()) return;
  RejectInput(variant.model + ": its tokenizer is not that of " + control.model +
              ": perplexities of different tokens cannot be compared");
}

LoadedModels::LoadedModels(const ModelToolOptions& run, const ModelEntry& control, ToolIo& io)
    : run_(run), io_(io), control_entry_(control), control_(Load(control)) {}

std::shared_ptr<const Model> LoadedModels::Get(const ModelEntry& entry) {
  if (control_entry_.SameModel(entry)) return control_;
  if (other_ == nullptr || !other_entry_.SameModel(entry)) {
    other_ = nullptr;  // its memory goes first
    other_ = Load(entry);
    other_entry_ = entry;
  }
  return other_;
}

std::shared_ptr<const Model> LoadedModels::Load(const ModelSource& source) const {
  ModelToolOptions options = run_;
  static_cast<ModelSource&>(options) = source;
  return LoadModel(options, io_);
}

}  // namespace dcp::tools
