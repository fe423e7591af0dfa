#include "dcp-eval/scoring/model_list.h"

#include <cmath>
#include <filesystem>

#include "common/files.h"
#include "common/json.h"
#include "dcp/error.h"

namespace dcp::tools {
namespace {

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

// A manifest's entries, with messages that say where in the file they stand.
class ManifestReader {
 public:
  explicit ManifestReader(const std::string& file) : file_(file), folder_(std::filesystem::path(file).parent_path()) {}

  ModelEntry Entry(const Json& entry, const std::string& field) const {
    if (!entry.is_object()) Reject(file_ + ": " + field + " is " + Brief(entry) + ", must be an object");
    ModelEntry result;
    result.model = Path(entry, field, "model");
    if (result.model.empty()) Reject(file_ + ": " + field + ".model is missing, must be a directory");
    result.adapter = Path(entry, field, "adapter");
    if (const auto gamma = entry.find("gamma"); gamma != entry.end() && !gamma->is_null()) {
      if (!gamma->is_number()) Reject(file_ + ": " + field + ".gamma is " + Brief(*gamma) + ", must be a number");
      result.gamma = gamma->get<double>();
    }
    return result;
  }

  TunedBaseline Baseline(const Json& entry, const std::string& field) const {
    TunedBaseline baseline{Entry(entry, field), {}};
    const auto policy = entry.find("policy");
    if (policy == entry.end() || !policy->is_string()) {
      Reject(file_ + ": " + field + ".policy is " + (policy == entry.end() ? "missing" : Brief(*policy)) +
             ", must be a policy like window:256");
    }
    try {
      baseline.policy = ParsePolicy(policy->get<std::string>());
    } catch (const Error& error) {
      Reject(file_ + ": " + field + ": " + error.what());
    }
    if (baseline.policy.kind == PolicySpec::Kind::kLearned) {
      Reject(file_ + ": " + field + ".policy is learned, must be training-free: learned models belong to sweep");
    }
    return baseline;
  }

  static std::string Brief(const Json& value) { return value.dump().substr(0, 40); }

 private:
  std::string Path(const Json& entry, const std::string& field, const char* name) const {
    const auto path = entry.find(name);
    if (path == entry.end() || path->is_null()) return "";
    if (!path->is_string() || path->get<std::string>().empty()) {
      Reject(file_ + ": " + field + "." + name + " is " + Brief(*path) + ", must be a directory");
    }
    return (folder_ / path->get<std::string>()).lexically_normal().string();
  }

  const std::string& file_;
  const std::filesystem::path folder_;
};

ModelList FromOptions(const ModelListOptions& options) {
  if (options.models.empty()) Reject("give either --manifest or --model");
  const size_t models = options.models.size(), adapters = options.adapters.size();
  if (models > 1 && adapters != 0 && adapters != models) {
    Reject("--adapter is given " + std::to_string(adapters) + " times and --model " + std::to_string(models) +
           " times: give one model, or an adapter (- for none) for each");
  }
  ModelList list;
  list.control = {options.dense_model.empty() ? options.models[0] : options.dense_model, options.dense_adapter, {}};
  for (size_t i = 0; i < std::max(models, adapters); ++i) {
    ModelEntry entry{options.models[models == 1 ? 0 : i], i < adapters ? options.adapters[i] : "", {}};
    if (entry.adapter == "-") entry.adapter.clear();
    list.variants.push_back(entry);
  }
  return list;
}

}  // namespace

ModelList ParseManifest(const std::string& text, const std::string& file) {
  const Json manifest = ParseJson(text, file);
  if (!manifest.is_object()) Reject(file + ": is " + ManifestReader::Brief(manifest) + ", must be an object");
  const ManifestReader reader(file);
  const auto control = manifest.find("dense_control");
  if (control == manifest.end()) Reject(file + ": dense_control is missing, must be an object with a model");
  const auto sweep = manifest.find("sweep");
  if (sweep == manifest.end() || !sweep->is_array() || sweep->empty()) {
    Reject(file + ": sweep is " + (sweep == manifest.end() ? "missing" : ManifestReader::Brief(*sweep)) +
           ", must be an array of models");
  }
  ModelList list;
  list.control = reader.Entry(*control, "dense_control");
  for (size_t i = 0; i < sweep->size(); ++i) {
    list.variants.push_back(reader.Entry((*sweep)[i], "sweep[" + std::to_string(i) + "]"));
  }
  const auto baselines = manifest.find("baselines");
  if (baselines == manifest.end()) return list;
  if (!baselines->is_array()) {
    Reject(file + ": baselines is " + ManifestReader::Brief(*baselines) + ", must be an array of models with a policy");
  }
  for (size_t i = 0; i < baselines->size(); ++i) {
    list.baselines.push_back(reader.Baseline((*baselines)[i], "baselines[" + std::to_string(i) + "]"));
  }
  return list;
}

std::string ShortName(const ModelEntry& entry) {
  const auto last = [](const std::string& path) {
    return std::filesystem::path(path + "/").lexically_normal().parent_path().filename().string();
  };
  return last(entry.model) + (entry.adapter.empty() ? "" : "+" + last(entry.adapter));
}

ModelList ReadModelList(const ModelListOptions& options, ToolIo& io) {
  if (options.manifest.empty()) return FromOptions(options);
  const bool both = !options.models.empty() || !options.adapters.empty() || !options.dense_model.empty() ||
                    !options.dense_adapter.empty();
  if (both) Reject("give either --manifest or --model, --adapter, --dense-model, --dense-adapter");
  return ParseManifest(ReadAll(options.manifest, io), options.manifest);
}

void CheckSameTokenizer(const ModelEntry& control, const ModelEntry& variant, ToolIo& io) {
  for (const char* name : {"vocab.json", "merges.txt"}) {
    const std::string one = (std::filesystem::path(control.model) / name).string();
    const std::string other = (std::filesystem::path(variant.model) / name).string();
    if (one == other || !std::filesystem::exists(one) || !std::filesystem::exists(other)) continue;
    if (ReadAll(one, io) != ReadAll(other, io)) {
      Reject(other + ": differs from " + one + ": perplexities of different tokens cannot be compared");
    }
  }
}

}  // namespace dcp::tools
