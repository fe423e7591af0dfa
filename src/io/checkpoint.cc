#include "io/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <new>
#include <optional>
#include <utility>

#include "dcp/error.h"
#include "io/dtype.h"
#include "io/gpt2_tensors.h"
#include "io/shape.h"
#include "io/tensor_set.h"
#include "support/escape.h"

namespace dcp {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigName = "config.json";
constexpr const char* kAdapterName = "adapter.safetensors";
constexpr const char* kTokenEmbedding = "wte.weight";
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
    Fail(tensor.Where(name) + " is " + std::string(ToString(tensor.view->dtype)) + ", expected F32, F16 or BF16");
  }
}

void CheckTied(const StoredTensor& head, const StoredTensor& embedding) {
  const TensorView& a = *head.view;
  const TensorView& b = *embedding.view;
  const auto describe = [](const TensorView& view) {
    return std::string(ToString(view.dtype)) + " " + ShapeToString(view.shape);
  };
  if (a.dtype != b.dtype || a.shape != b.shape) {
    Fail(head.Where(kHead) + " is " + describe(a) + ", " + kTokenEmbedding + " is " + describe(b) +
         ": the two must be one (tied) matrix");
  }
  const auto differ = std::ranges::mismatch(a.bytes, b.bytes);
  if (differ.in1 != a.bytes.end()) {
    const auto index = static_cast<size_t>(differ.in1 - a.bytes.begin()) / ItemSize(a.dtype);
    Fail(head.Where(kHead) + " differs from " + kTokenEmbedding + " at index " + std::to_string(index) +
         ": the two must be one (tied) matrix");
  }
  head.file->Forget(a);
  embedding.file->Forget(b);
}

// Sorts the tensors of a file into those that a model of `config` uses, those that do not matter, and errors.
class TensorSorter {
 public:
  // `strict`: a name that means nothing to GPT-2 is an error.
  TensorSorter(const ModelConfig& config, std::string config_path, bool strict)
      : config_(config), config_path_(std::move(config_path)), strict_(strict) {}

  // Whether the model uses it; then its shape and type are right.
  bool Uses(const std::string& name, const StoredTensor& tensor) const {
    if (const std::optional<TensorSpec> spec = FindTensor(config_, name)) {
      CheckTensor(name, tensor, spec->shape);
      return true;
    }
    if (name.starts_with("h.")) {
      CheckHarmlessInLayer(name, tensor);
    } else if (strict_ && name != kHead) {
      Fail(tensor.Where(name) + " is not a tensor of a GPT-2");
    }
    return false;
  }

 private:
  void CheckHarmlessInLayer(const std::string& name, const StoredTensor& tensor) const {
    const std::optional<LayerName> parsed = ParseLayerName(name);
    if (!parsed) Fail(tensor.Where(name) + " is not a tensor of a GPT-2 layer");
    if (parsed->layer >= config_.n_layer) {
      Fail(tensor.Where(name) + " is of layer " + std::to_string(parsed->layer) + ", " + config_path_ +
           " says n_layer " + std::to_string(config_.n_layer));
    }
    ModelConfig with_interaction = config_;
    with_interaction.int_n_embd = 1;
    if (FindTensor(with_interaction, name)) {
      Fail(tensor.Where(name) + " is an interaction tensor, " + config_path_ + " has no \"dcp\"");
    }
    if (!IsAttentionBuffer(parsed->rest)) Fail(tensor.Where(name) + " is not a tensor of a GPT-2 layer");
  }

  const ModelConfig& config_;
  const std::string config_path_;
  const bool strict_;
};

using TensorMap = std::map<std::string, StoredTensor>;

// Adds the used tensors of `set` to `tensors`, in place of those of the same name.
void Merge(const TensorSet& set, const TensorSorter& sorter, TensorMap& tensors) {
  for (const auto& [name, tensor] : set.tensors()) {
    if (sorter.Uses(name, tensor)) tensors[name] = tensor;
  }
  const auto head = set.tensors().find(kHead);
  const auto embedding = tensors.find(kTokenEmbedding);
  if (head != set.tensors().end() && embedding != tensors.end()) CheckTied(head->second, embedding->second);
}

// `source` is the file that should have had what is missing.
void CheckComplete(const TensorMap& tensors, const ModelConfig& config, const fs::path& source,
                   const fs::path& config_path) {
  ForEachTensor(config, [&](const TensorSpec& spec) {
    if (tensors.contains(spec.name)) return;
    std::string says = "n_layer " + std::to_string(config.n_layer);
    if (config.int_n_embd > 0) says += " and dcp.int_n_embd " + std::to_string(config.int_n_embd);
    Fail(source.string() + ": tensor " + spec.name + " is missing, " + config_path.string() + " says " + says);
  });
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

}  // namespace

struct Checkpoint::Impl {
  void OpenBase(const fs::path& directory, Warnings* warnings);
  void PutAdapterOnTop(const fs::path& directory, const fs::path& adapter);

  ModelConfig config;
  std::vector<TensorSet> sets;  // own what `tensors` points to
  TensorMap tensors;            // those that the model uses
};

void Checkpoint::Impl::OpenBase(const fs::path& directory, Warnings* warnings) {
  const fs::path config_path = directory / kConfigName;
  config = ReadModelConfig(directory, {}, warnings);
  const TensorSet& set = sets.emplace_back(TensorSet::OpenModel(directory));
  Merge(set, TensorSorter(config, config_path.string(), false), tensors);
  CheckComplete(tensors, config, set.source(), config_path);
}

void Checkpoint::Impl::PutAdapterOnTop(const fs::path& directory, const fs::path& adapter) {
  const fs::path config_path = adapter / kConfigName;
  config = ReadModelConfig(directory, adapter);
  const TensorSet& set = sets.emplace_back(TensorSet::OpenFile(adapter / kAdapterName));
  Merge(set, TensorSorter(config, config_path.string(), true), tensors);
  CheckComplete(tensors, config, set.source(), config_path);
}

Checkpoint::Checkpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;
Checkpoint::~Checkpoint() = default;

Checkpoint Checkpoint::Open(const fs::path& directory, const fs::path& adapter, Warnings* warnings) {
  auto impl = std::make_unique<Impl>();
  impl->OpenBase(directory, warnings);
  if (!adapter.empty()) impl->PutAdapterOnTop(directory, adapter);
  return Checkpoint(std::move(impl));
}

const ModelConfig& Checkpoint::config() const { return impl_->config; }

WeightType Checkpoint::stored_type() const { return *AsWeightType(impl_->tensors.at(kTokenEmbedding).view->dtype); }

bool Checkpoint::Has(const std::string& name) const { return impl_->tensors.contains(name); }

std::vector<float> Checkpoint::Read(const std::string& name, std::span<const int64_t> shape) const {
  const auto found = impl_->tensors.find(name);
  if (found == impl_->tensors.end()) {
    Fail(impl_->sets.back().source().string() + ": tensor " + OneLine(name) + " is missing");
  }
  const StoredTensor& tensor = found->second;
  CheckTensor(name, tensor, shape);
  const TensorView& view = *tensor.view;
  std::vector<float> values = Allocate(tensor.Where(name), view.bytes.size() / ItemSize(view.dtype));
  const size_t bad = ConvertToFloat(view.dtype, view.bytes, values);
  if (bad != values.size()) {
    Fail(tensor.Where(name) + " holds " + DescribeValue(values[bad]) + " at index " + std::to_string(bad) + " of " +
         std::to_string(values.size()) + ", expected finite values");
  }
  tensor.file->Forget(view);
  return values;
}

}  // namespace dcp
