#include "io/lora.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "dcp/error.h"
#include "io/gpt2_tensors.h"
#include "io/shape.h"
#include "support/escape.h"
#include "support/json.h"

namespace dcp {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigName = "adapter_config.json";
constexpr const char* kTensorsName = "adapter_model.safetensors";
constexpr const char* kPickleName = "adapter_model.bin";
constexpr std::string_view kHead = "lm_head.weight";
constexpr std::string_view kTokenEmbedding = "wte.weight";

[[noreturn]] void Fail(const std::string& message) { throw Error(ErrorCode::kInvalidModel, message); }

// Fields that make it more than W + scale B A, or another kind of training, unless they say nothing.
constexpr const char* kRefusedFields[] = {"use_dora",          "use_qalora",
                                          "lora_bias",         "layer_replication",
                                          "target_parameters", "trainable_token_indices",
                                          "arrow_config",      "alora_invocation_tokens",
                                          "use_bdlora",        "kasa_config"};

// Ways to begin that also change the base's weights, which the adapter does not hold.
constexpr std::string_view kRefusedInits[] = {"pissa", "olora", "corda", "loftq", "lora_ga"};

bool SaysNothing(const nlohmann::json& json) {
  return json.is_null() || json == false || (json.is_structured() && json.empty());
}

// A name in the file, taken apart: which module, and what of it.
struct Key {
  std::string module;  // "base_model.model.transformer.h.0.attn.c_attn"
  std::string part;    // "A", "B", or of a tensor that takes the place of the base's, "weight" or "bias"
};

// "{module}.lora_A.weight", with the adapter's own name somewhere behind "lora_A" where an old PEFT left it, or
// "{module}.lora_embedding_A", or "{module}.weight". PEFT's wrappers inside a name say nothing. nullopt for parts of
// something else than LoRA.
std::optional<Key> TakeApart(const std::string& name) {
  Key key;
  for (size_t at = 0; at < name.size();) {
    const size_t end = std::min(name.find('.', at), name.size());
    const std::string part = name.substr(at, end - at);
    at = end + 1;
    if (part == "lora_A" || part == "lora_embedding_A") key.part = "A";
    if (part == "lora_B" || part == "lora_embedding_B") key.part = "B";
    if (!key.part.empty()) return key;
    if (part.starts_with("lora_")) return std::nullopt;
    if (at > name.size()) key.part = part;
    if (at > name.size() || part == "base_layer" || part == "modules_to_save") continue;
    key.module += (key.module.empty() ? "" : ".") + part;
  }
  return key;
}

// A key of rank_pattern or alpha_pattern: the name of a module, or the end of one. PEFT takes regular expressions,
// which are names in practice.
struct ModulePattern {
  std::string name;
  bool whole = false;  // not the end of a name
  double value = 0;

  bool Matches(std::string_view module) const { return module == name || (!whole && module.ends_with("." + name)); }
};

ModulePattern ReadPattern(std::string key, const JsonReader& value) {
  ModulePattern pattern;
  pattern.whole = key.starts_with('^');
  if (pattern.whole) key.erase(0, 1);
  if (key.ends_with('$')) key.pop_back();
  for (size_t at = key.find("\\."); at != key.npos; at = key.find("\\.")) key.erase(at, 1);
  if (key.find_first_of("\\*+?[](){}|^$") != key.npos)
    value.Fail("the name of a module, not a regular expression, before it");
  pattern.name = key;
  return pattern;
}

}  // namespace

// What adapter_config.json says.
struct LoraAdapter::Settings {
  explicit Settings(const fs::path& path);

  // Of a module by its name in the model that was trained.
  int RankOf(const std::string& module) const { return static_cast<int>(Pattern(ranks, module).value_or(rank)); }
  double ScaleOf(const std::string& module) const {
    const double r = RankOf(module);
    return Pattern(alphas, module).value_or(alpha) / (rslora ? std::sqrt(r) : r);
  }
  bool Saves(std::string_view module) const {
    return std::ranges::any_of(
        saved, [&](const std::string& name) { return name == module || name.ends_with("." + std::string(module)); });
  }

  using Patterns = std::vector<ModulePattern>;

  static Patterns ReadPatterns(const JsonReader& field, bool ranks);
  // Of several that match, the longest.
  static std::optional<double> Pattern(const Patterns& patterns, std::string_view module) {
    const ModulePattern* best = nullptr;
    for (const ModulePattern& pattern : patterns) {
      if (pattern.Matches(module) && (best == nullptr || pattern.name.size() > best->name.size())) best = &pattern;
    }
    return best == nullptr ? std::nullopt : std::optional(best->value);
  }

  std::string source;
  std::string base_name;  // as the adapter's config gives it, for messages
  int rank = 0;
  double alpha = 0;
  bool rslora = false;
  bool keeps_tied = false;
  Patterns ranks, alphas;
  std::vector<std::string> saved;  // modules_to_save
};

LoraAdapter::Settings::Settings(const fs::path& path) : source(path.string()) {
  const nlohmann::json json = LoadJsonObject(path);
  const JsonReader reader(json, source);
  (void)reader["peft_type"].Choice({"LORA"});
  for (const char* name : kRefusedFields) {
    if (const JsonReader field = reader[name]; field.present() && !SaysNothing(field.json())) {
      field.Fail("none: libdcp adds plain LoRA, W + scale B A, to the weights");
    }
  }
  if (const JsonReader init = reader["init_lora_weights"]; init.present() && init.json().is_string()) {
    for (const std::string_view refused : kRefusedInits) {
      if (init.Text().starts_with(refused)) init.Fail("true: this one changes the base's weights, too");
    }
  }
  if (const JsonReader name = reader["base_model_name_or_path"]; name.present()) base_name = name.Text();
  rank = reader["r"].Integer(1);
  alpha = reader["lora_alpha"].Number();
  if (const JsonReader flag = reader["use_rslora"]; flag.present()) rslora = flag.Flag();
  if (const JsonReader flag = reader["ensure_weight_tying"]; flag.present()) keeps_tied = flag.Flag();
  ranks = ReadPatterns(reader["rank_pattern"], true);
  alphas = ReadPatterns(reader["alpha_pattern"], false);
  if (const JsonReader modules = reader["modules_to_save"]; modules.present()) saved = modules.Texts();
}

LoraAdapter::Settings::Patterns LoraAdapter::Settings::ReadPatterns(const JsonReader& field, bool ranks) {
  Patterns patterns;
  if (!field.present()) return patterns;
  if (!field.json().is_object()) field.Fail("an object");
  for (const auto& [name, value] : field.json().items()) {
    const JsonReader entry = field[name];
    patterns.push_back(ReadPattern(name, entry));
    patterns.back().value = ranks ? entry.Integer(1) : entry.Number();
  }
  return patterns;
}

// Sorts the tensors of the file.
class LoraAdapter::Sorter {
 public:
  Sorter(LoraAdapter& adapter, const Settings& settings, const ModelConfig& base, const fs::path& base_path)
      : adapter_(adapter), settings_(settings), base_(base), base_path_(base_path.string()) {
    tied_ = std::exchange(base_.tie_word_embeddings, false);  // a head of its own is one of the tensors
  }

  void Sort(Warnings* warnings) {
    for (const auto& [name, tensor] : adapter_.tensors_.tensors()) Take(name, tensor);
    for (auto& [name, delta] : adapter_.deltas_) Complete(name, delta);
    Untie();
    if (adapter_.deltas_.empty() && adapter_.replaced_.empty()) {
      Fail(adapter_.tensors_.source().string() + ": changes no tensor of a GPT-2");
    }
    if (left_out_.empty()) return;
    std::string names;
    for (const std::string& name : left_out_) names += (names.empty() ? "" : ", ") + OneLine(name);
    Warn(warnings, adapter_.tensors_.source().string() + ": " + OneLine(names) + ": not of a language model, left out");
  }

 private:
  // The tensor of the base that a dotted name ends with: "a.b.h.0.ln_1.weight" is "h.0.ln_1.weight".
  std::optional<TensorSpec> Find(std::string_view name, const StoredTensor& tensor) const {
    for (size_t at = 0; at < name.size(); at = name.find('.', at) + 1) {
      const std::string_view rest = name.substr(at);
      if (std::optional<TensorSpec> spec = FindTensor(base_, rest)) return spec;
      if (const std::optional<LayerName> layer = ParseLayerName(rest); layer && layer->layer >= base_.n_layer) {
        Fail(tensor.Where(std::string(name)) + " is of layer " + std::to_string(layer->layer) + ", " + base_path_ +
             " says n_layer " + std::to_string(base_.n_layer));
      }
      if (name.find('.', at) == name.npos) break;
    }
    return std::nullopt;
  }

  void Take(const std::string& name, const StoredTensor& tensor) {
    const std::optional<Key> key = TakeApart(name);
    if (!key) {
      Fail(tensor.Where(name) + " is not of plain LoRA (lora_A, lora_B, lora_embedding_A, lora_embedding_B)");
    }
    if (!AsWeightType(tensor.view->dtype)) {
      Fail(tensor.Where(name) + " is " + std::string(ToString(tensor.view->dtype)) +
           ", expected F32, F16, BF16 or F64");
    }
    if (key->part == "A" || key->part == "B") return TakeFactor(name, *key, tensor);
    const std::optional<TensorSpec> spec = Find(key->module + "." + key->part, tensor);
    if (!spec) return left_out_.push_back(name);
    // A vocabulary that was made larger for new tokens is one of the changes.
    std::vector<int64_t> shape = spec->shape;
    if ((spec->name == kTokenEmbedding || spec->name == kHead) && tensor.view->shape.size() == 2) {
      shape[0] = tensor.view->shape[0];
    }
    if (!std::ranges::equal(tensor.view->shape, shape)) FailShape(name, tensor, spec->name, spec->shape);
    Once(name, tensor, adapter_.replaced_.emplace(spec->name, tensor).second, spec->name);
  }

  void TakeFactor(const std::string& name, const Key& key, const StoredTensor& tensor) {
    const std::optional<TensorSpec> spec = Find(key.module + ".weight", tensor);
    if (!spec || spec->shape.size() != 2) {
      std::string trained =
          settings_.base_name.empty() ? "" : " (it was trained on " + Quote(settings_.base_name) + ")";
      Fail(tensor.Where(name) + " belongs to a module that a GPT-2 does not have" + trained);
    }
    Delta& delta = adapter_.deltas_[spec->name];
    // Names in patterns are those of the model inside PEFT's.
    constexpr std::string_view kPeft = "base_model.model.";
    const std::string module = key.module.starts_with(kPeft) ? key.module.substr(kPeft.size()) : key.module;
    delta.scale = settings_.ScaleOf(module);
    delta.outputs_first = spec->name == kHead;
    const int64_t rank = settings_.RankOf(module);
    const auto [inputs, outputs] =
        delta.outputs_first ? std::pair(spec->shape[1], spec->shape[0]) : std::pair(spec->shape[0], spec->shape[1]);
    const bool is_a = key.part == "A";
    const std::vector<int64_t> shape = is_a ? std::vector{rank, inputs} : std::vector{outputs, rank};
    if (tensor.view->shape != shape) {
      const std::string says = " with r " + std::to_string(rank) + " (" + settings_.source + ")";
      Fail(tensor.Where(name) + " is " + ShapeToString(tensor.view->shape) + ", " + spec->name + " of " + base_path_ +
           ", which is " + ShapeToString(spec->shape) + "," + says + " needs " + ShapeToString(shape));
    }
    StoredTensor& slot = is_a ? delta.a : delta.b;
    Once(name, tensor, slot.view == nullptr, spec->name);
    slot = tensor;
    (is_a ? delta.a_name : delta.b_name) = name;
  }

  void Once(const std::string& name, const StoredTensor& tensor, bool first, const std::string& of) const {
    if (!first) Fail(tensor.Where(name) + " is there twice, under two names of " + of);
  }

  void Complete(const std::string& name, const Delta& delta) const {
    if (delta.a.view != nullptr && delta.b.view != nullptr) return;
    const bool has_a = delta.a.view != nullptr;
    Fail((has_a ? delta.a.Where(delta.a_name) : delta.b.Where(delta.b_name)) + " stands alone: there is no lora_" +
         (has_a ? "B" : "A") + " of " + name);
  }

  [[noreturn]] void FailShape(const std::string& name, const StoredTensor& tensor, const std::string& of,
                              const std::vector<int64_t>& shape) const {
    Fail(tensor.Where(name) + " is " + ShapeToString(tensor.view->shape) + ", " + of + " of " + base_path_ + " is " +
         ShapeToString(shape));
  }

  // PEFT trains a copy of what modules_to_save names, and adds LoRA to the one use of a matrix that was named: either
  // parts the embedding from the output matrix. An embedding that is merely saved along stays what it is.
  void Untie() {
    if (!tied_) return;
    const auto apart = [&](std::string_view module, std::string_view name) {
      return adapter_.deltas_.contains(std::string(name)) ||
             (settings_.Saves(module) && adapter_.replaced_.contains(std::string(name)) && !settings_.keeps_tied);
    };
    adapter_.unties_ = apart("wte", kTokenEmbedding) || apart("lm_head", kHead);
    if (adapter_.unties_ && settings_.keeps_tied) {
      Fail(settings_.source + ": ensure_weight_tying is true, with LoRA on the embedding or the head, expected false");
    }
    if (!adapter_.unties_) adapter_.replaced_.erase(std::string(kHead));
  }

  LoraAdapter& adapter_;
  const Settings& settings_;
  ModelConfig base_;
  bool tied_ = true;
  const std::string base_path_;
  std::vector<std::string> left_out_;
};

bool LoraAdapter::IsIn(const fs::path& directory) {
  std::error_code error;
  return fs::exists(directory / kConfigName, error);
}

LoraAdapter LoraAdapter::Open(const fs::path& directory, const ModelConfig& base, const fs::path& base_path,
                              Warnings* warnings) {
  const Settings settings(directory / kConfigName);
  std::error_code error;
  if (!fs::exists(directory / kTensorsName, error) && fs::exists(directory / kPickleName, error)) {
    throw Error(ErrorCode::kIo, (directory / kTensorsName).string() + ": no such file, and " + kPickleName +
                                    " beside it is a pickle, which is not read: save it as safetensors");
  }
  LoraAdapter adapter(TensorSet::OpenFile(directory / kTensorsName, TensorSet::Naming::kAsStored));
  Sorter(adapter, settings, base, base_path).Sort(warnings);
  return adapter;
}

void LoraAdapter::AddTo(const std::string& name, std::span<float> values) const {
  const auto found = deltas_.find(name);
  if (found == deltas_.end()) return;
  const Delta& delta = found->second;
  const std::vector<float> a = delta.a.Read(delta.a_name);  // [r, I]
  const std::vector<float> b = delta.b.Read(delta.b_name);  // [O, r]
  const auto rank = static_cast<size_t>(delta.a.view->shape[0]);
  const size_t inputs = a.size() / rank, outputs = b.size() / rank;
  // W row by row: `along` is the factor that runs along a row of it, [r, columns], `across` [rows, r] the other.
  const size_t rows = delta.outputs_first ? outputs : inputs, columns = delta.outputs_first ? inputs : outputs;
  std::vector<float> along(rank * columns);
  for (size_t k = 0; k < rank; ++k) {
    for (size_t c = 0; c < columns; ++c)
      along[k * columns + c] = delta.outputs_first ? a[k * inputs + c] : b[c * rank + k];
  }
  std::vector<float> sum(columns);
  for (size_t row = 0; row < rows; ++row) {
    std::ranges::fill(sum, 0.0f);
    for (size_t k = 0; k < rank; ++k) {
      const float factor = delta.outputs_first ? b[row * rank + k] : a[k * inputs + row];
      const float* from = along.data() + k * columns;
      for (size_t c = 0; c < columns; ++c) sum[c] += factor * from[c];
    }
    const auto scale = static_cast<float>(delta.scale);
    for (size_t c = 0; c < columns; ++c) values[row * columns + c] += scale * sum[c];
  }
  const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (bad == values.end()) return;
  Fail(delta.b.Where(delta.b_name) + " makes of " + name + ", with scale " + Describe(delta.scale) +
       ", a value that is not finite, at index " + std::to_string(bad - values.begin()));
}

}  // namespace dcp
