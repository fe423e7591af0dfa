#include "io/checkpoint.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "dcp/error.h"
#include "io/config_reader.h"
#include "io/dtype.h"
#include "io/gpt2_tensors.h"
#include "io/lora.h"
#include "io/model_files.h"
#include "io/shape.h"
#include "io/tensor_set.h"
#include "support/escape.h"

namespace dcp {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigName = "config.json";
constexpr const char* kAdapterName = "adapter.safetensors";
constexpr const char* kTokenEmbedding = "wte.weight";
constexpr const char* kPositions = "wpe.weight";
constexpr const char* kHead = "lm_head.weight";

[[noreturn]] void Fail(const std::string& message) { throw Error(ErrorCode::kInvalidModel, message); }

// A scalar may be stored with no dimension or with one of 1.
bool SameShape(std::span<const int64_t> stored, std::span<const int64_t> wanted) {
  const auto is_scalar = [](std::span<const int64_t> shape) {
    return shape.empty() || (shape.size() == 1 && shape[0] == 1);
  };
  return std::ranges::equal(stored, wanted) || (is_scalar(stored) && is_scalar(wanted));
}

void CheckTensor(const std::string& name, const StoredTensor& tensor, std::span<const int64_t> shape) {
  if (!SameShape(tensor.view->shape, shape)) {
    Fail(tensor.Where(name) + " is " + ShapeToString(tensor.view->shape) + ", config says " + ShapeToString(shape));
  }
  if (!AsWeightType(tensor.view->dtype)) {
    Fail(tensor.Where(name) + " is " + std::string(ToString(tensor.view->dtype)) + ", expected F32, F16, BF16 or F64");
  }
}

// Names for a message: a few, and how many there are.
std::string Some(const std::vector<std::string>& names) {
  constexpr size_t kShown = 3;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) text += (i > 0 ? ", " : "") + OneLine(names[i]);
  return names.size() > kShown ? text + ", .. (" + std::to_string(names.size()) + ")" : text;
}

using TensorMap = std::map<std::string, StoredTensor>;

// Sorts the tensors of a file into those that a model of `config` uses, those that do not matter, and errors.
class TensorSorter {
 public:
  // `strict`: a name that means nothing to GPT-2 is an error.
  TensorSorter(const ModelConfig& config, std::string config_path, bool strict)
      : config_(config), config_path_(std::move(config_path)), strict_(strict) {}

  // Adds the used tensors of `set` to `tensors`, in place of those of the same name; their shapes and types are right.
  void Merge(const TensorSet& set, TensorMap& tensors) {
    for (const auto& [name, tensor] : set.tensors()) {
      if (Uses(name, tensor)) tensors[name] = tensor;
    }
    const auto head = set.tensors().find(kHead);
    const auto embedding = tensors.find(kTokenEmbedding);
    if (config_.tie_word_embeddings && head != set.tensors().end() && embedding != tensors.end()) {
      CompareTied(head->second, embedding->second);
    }
  }

  // Says what was left out that somebody might miss. `source`: the file or its index.
  void Report(const std::string& source, Warnings* warnings) const {
    if (!others_.empty()) Warn(warnings, source + ": " + Some(others_) + ": not of a language model, left out");
    if (!beyond_.empty()) {
      Warn(warnings, source + ": " + Some(beyond_) + ": left out, " + config_path_ + " says n_layer " +
                         std::to_string(config_.n_layer));
    }
    if (!untied_.empty()) Warn(warnings, untied_);
  }

 private:
  bool Uses(const std::string& name, const StoredTensor& tensor) {
    if (const std::optional<TensorSpec> spec = FindTensor(config_, name)) {
      CheckTensor(name, tensor, spec->shape);
      return true;
    }
    if (name.starts_with("h.")) {
      SortOfLayer(name, tensor);
    } else if (name != kHead) {
      if (strict_) Fail(tensor.Where(name) + " is not a tensor of a GPT-2");
      if (AsWeightType(tensor.view->dtype)) others_.push_back(name);  // buffers of integers are nobody's loss
    }
    return false;
  }

  void SortOfLayer(const std::string& name, const StoredTensor& tensor) {
    const std::optional<LayerName> parsed = ParseLayerName(name);
    if (!parsed) Fail(tensor.Where(name) + " is not a tensor of a GPT-2 layer");
    if (parsed->layer >= config_.n_layer) {
      if (strict_) {
        Fail(tensor.Where(name) + " is of layer " + std::to_string(parsed->layer) + ", " + config_path_ +
             " says n_layer " + std::to_string(config_.n_layer));
      }
      if (!IsAttentionBuffer(parsed->rest)) beyond_.push_back(name);
      return;
    }
    ModelConfig with_interaction = config_;
    with_interaction.int_n_embd = 1;
    if (FindTensor(with_interaction, name)) {
      Fail(tensor.Where(name) + " is an interaction tensor, " + config_path_ + " has no \"dcp\"");
    }
    if (!IsAttentionBuffer(parsed->rest)) Fail(tensor.Where(name) + " is not a tensor of a GPT-2 layer");
  }

  // A head that ships with a tied model is not read, as Hugging Face does; one that says something else is worth a
  // word.
  void CompareTied(const StoredTensor& head, const StoredTensor& embedding) {
    const TensorView& a = *head.view;
    const TensorView& b = *embedding.view;
    const auto describe = [](const TensorView& view) {
      return std::string(ToString(view.dtype)) + " " + ShapeToString(view.shape);
    };
    const std::string rule = ": it is not read, " + config_path_ + " ties it to that";
    if (a.dtype != b.dtype || a.shape != b.shape) {
      untied_ = head.Where(kHead) + " is " + describe(a) + ", " + kTokenEmbedding + " is " + describe(b) + rule;
    } else if (const auto differ = std::ranges::mismatch(a.bytes, b.bytes); differ.in1 != a.bytes.end()) {
      const auto index = static_cast<size_t>(differ.in1 - a.bytes.begin()) / ItemSize(a.dtype);
      untied_ = head.Where(kHead) + " differs from " + kTokenEmbedding + " at index " + std::to_string(index) + rule;
    }
    head.file->Forget(a);
    embedding.file->Forget(b);
  }

  const ModelConfig& config_;
  const std::string config_path_;
  const bool strict_;
  std::vector<std::string> others_;  // heads for other tasks
  std::vector<std::string> beyond_;  // of layers that the config does not have
  std::string untied_;
};

// Rows of a table [rows, C]; nullopt where the tensor is missing or is no table of one.
std::optional<int> RowsOf(const TensorMap& tensors, const char* name) {
  const auto found = tensors.find(name);
  if (found == tensors.end() || found->second.view->shape.size() != 2) return std::nullopt;
  const int64_t rows = found->second.view->shape[0];
  if (rows < 1 || rows > std::numeric_limits<int>::max()) return std::nullopt;
  return static_cast<int>(rows);
}

bool IsBias(TensorRole role) { return role == TensorRole::kBias || role == TensorRole::kNormBias; }

}  // namespace

struct Checkpoint::Impl {
  void OpenBase(const fs::path& directory, Warnings* warnings);
  void PutAdapterOnTop(const fs::path& directory, const fs::path& adapter);
  void PutLoraOnTop(const fs::path& directory, const fs::path& adapter, Warnings* warnings);
  void CheckComplete(const fs::path& source, const fs::path& config_path, Warnings* warnings);

  ModelConfig config;
  std::vector<TensorSet> sets;  // own what `tensors` points to
  TensorMap tensors;            // those that the model uses
  std::set<std::string> zeros;  // biases that no file has: models that were trained without save none
  std::optional<LoraAdapter> lora;
};

// `source` is the file that should have had what is missing.
void Checkpoint::Impl::CheckComplete(const fs::path& source, const fs::path& config_path, Warnings* warnings) {
  std::vector<std::string> biases;
  ForEachTensor(config, [&](const TensorSpec& spec) {
    if (tensors.contains(spec.name) || zeros.contains(spec.name)) return;
    if (IsBias(spec.role)) return biases.push_back(spec.name);
    std::string says = "n_layer " + std::to_string(config.n_layer);
    if (spec.role == TensorRole::kOutputMatrix) says = "tie_word_embeddings false";
    if (config.int_n_embd > 0) says += " and dcp.int_n_embd " + std::to_string(config.int_n_embd);
    Fail(source.string() + ": tensor " + spec.name + " is missing, " + config_path.string() + " says " + says);
  });
  if (biases.empty()) return;
  Warn(warnings, source.string() + ": " + Some(biases) + ": missing, taken as zeros");
  zeros.insert(biases.begin(), biases.end());
}

void Checkpoint::Impl::OpenBase(const fs::path& directory, Warnings* warnings) {
  const fs::path config_path = directory / kConfigName;
  // What is wrong with the config is said before what is wrong with the tensors.
  std::error_code error;
  const bool has_config = fs::exists(config_path, error);
  if (const std::string other = has_config ? "" : OtherModelFile(directory); !other.empty()) {
    throw Error(ErrorCode::kIo, config_path.string() + ": no such file; " + other);
  }
  (void)LoadJsonObject(config_path);
  const TensorSet& set = sets.emplace_back(TensorSet::OpenModel(directory));
  config =
      ReadBaseConfig(directory, {RowsOf(set.tensors(), kTokenEmbedding), RowsOf(set.tensors(), kPositions)}, warnings);
  TensorSorter sorter(config, config_path.string(), false);
  sorter.Merge(set, tensors);
  sorter.Report(set.source().string(), warnings);
  CheckComplete(set.source(), config_path, warnings);
}

// Interaction tensors that were trained apart from the base.
void Checkpoint::Impl::PutAdapterOnTop(const fs::path& directory, const fs::path& adapter) {
  const fs::path config_path = adapter / kConfigName;
  config = WithAdapterConfig(config, directory / kConfigName, config_path);
  const TensorSet& set = sets.emplace_back(TensorSet::OpenFile(adapter / kAdapterName));
  TensorSorter(config, config_path.string(), true).Merge(set, tensors);
  CheckComplete(set.source(), config_path, nullptr);
}

void Checkpoint::Impl::PutLoraOnTop(const fs::path& directory, const fs::path& adapter, Warnings* warnings) {
  lora = LoraAdapter::Open(adapter, config, directory / kConfigName, warnings);
  if (lora->unties() && config.tie_word_embeddings) {
    config.tie_word_embeddings = false;
    tensors[kHead] = tensors.at(kTokenEmbedding);
  }
  for (const auto& [name, tensor] : lora->replaced()) tensors[name] = tensor;
  if (const std::optional<int> rows = RowsOf(tensors, kTokenEmbedding); rows && *rows != config.vocab_size) {
    Warn(warnings, tensors.at(kTokenEmbedding).Where(kTokenEmbedding) + " has " + std::to_string(*rows) +
                       " rows, the base " + std::to_string(config.vocab_size) + ": the adapter's are taken");
    config.vocab_size = *rows;
  }
}

Checkpoint::Checkpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;
Checkpoint::~Checkpoint() = default;

Checkpoint Checkpoint::Open(const fs::path& directory, const fs::path& adapter, Warnings* warnings) {
  auto impl = std::make_unique<Impl>();
  impl->OpenBase(directory, warnings);
  if (adapter.empty()) return Checkpoint(std::move(impl));
  if (LoraAdapter::IsIn(adapter)) {
    impl->PutLoraOnTop(directory, adapter, warnings);
  } else {
    impl->PutAdapterOnTop(directory, adapter);
  }
  return Checkpoint(std::move(impl));
}

const ModelConfig& Checkpoint::config() const { return impl_->config; }

WeightType Checkpoint::stored_type() const {
  std::optional<WeightType> type;
  ForEachTensor(impl_->config, [&](const TensorSpec& spec) {
    const bool is_matrix = spec.shape.size() == 2 && spec.name != kPositions && !IsInteraction(spec.role);
    const auto found = impl_->tensors.find(spec.name);
    if (!is_matrix || found == impl_->tensors.end()) return;
    const WeightType stored = *AsWeightType(found->second.view->dtype);
    type = type.value_or(stored) == stored ? stored : WeightType::kF32;
  });
  return type.value_or(WeightType::kF32);
}

bool Checkpoint::Has(const std::string& name) const { return impl_->tensors.contains(name); }

std::vector<float> Checkpoint::Read(const std::string& name, std::span<const int64_t> shape) const {
  const auto found = impl_->tensors.find(name);
  if (found == impl_->tensors.end()) {
    if (impl_->zeros.contains(name)) return std::vector<float>(static_cast<size_t>(shape[0]));
    Fail(impl_->sets.back().source().string() + ": tensor " + OneLine(name) + " is missing");
  }
  CheckTensor(name, found->second, shape);
  std::vector<float> values = found->second.Read(name);
  if (impl_->lora) impl_->lora->AddTo(name, values);
  return values;
}

}  // namespace dcp
