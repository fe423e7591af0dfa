#include "io/tensor_names.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "dcp/error.h"
#include "io/gpt2_tensors.h"
#include "support/escape.h"

namespace dcp {
namespace {

constexpr std::string_view kTransformer = "transformer.";
constexpr std::string_view kTokenEmbedding = "wte.weight";

// Parts of a name that say how a module ran, not which it is.
constexpr std::string_view kWrappers[] = {"_orig_mod.", "module.", "_fsdp_wrapped_module.",
                                          "_checkpoint_wrapped_module."};

// Without wrappers, wherever they stand.
std::string Unwrap(std::string_view name) {
  std::string result;
  while (!name.empty()) {
    const size_t end = std::min(name.find('.'), name.size() - 1) + 1;
    const std::string_view part = name.substr(0, end);
    if (std::ranges::find(kWrappers, part) == std::end(kWrappers)) result += part;
    name.remove_prefix(end);
  }
  return result;
}

// What stands before the part at which a tensor of the model itself begins; nullopt where no part is one.
std::optional<std::string> PrefixBefore(std::string_view name, bool (*begins)(std::string_view)) {
  for (size_t at = 0; at < name.size(); at = name.find('.', at) + 1) {
    if (begins(name.substr(at))) return std::string(name.substr(0, at));
    if (name.find('.', at) == name.npos) break;
  }
  return std::nullopt;
}

bool IsTokenEmbedding(std::string_view name) { return name == kTokenEmbedding; }
bool IsOfLayer(std::string_view name) { return ParseLayerName(name).has_value(); }

std::set<std::string> Prefixes(const std::vector<std::string>& names, bool (*begins)(std::string_view)) {
  std::set<std::string> prefixes;
  for (const std::string& name : names) {
    if (auto prefix = PrefixBefore(name, begins)) prefixes.insert(std::move(*prefix));
  }
  return prefixes;
}

}  // namespace

TensorNames::TensorNames(const std::vector<std::string>& names, const std::string& source) {
  std::vector<std::string> unwrapped;
  std::ranges::transform(names, std::back_inserter(unwrapped), Unwrap);
  std::set<std::string> prefixes = Prefixes(unwrapped, IsTokenEmbedding);
  if (prefixes.empty()) prefixes = Prefixes(unwrapped, IsOfLayer);  // an adapter, or a damaged model
  if (prefixes.empty()) {
    const std::string found =
        names.empty() ? "it is empty" : "the first of " + std::to_string(names.size()) + " is " + OneLine(names[0]);
    throw Error(
        ErrorCode::kInvalidModel,
        source + ": holds no tensors of a GPT-2 (wte.weight, h.0.ln_1.weight, ..), with or without a prefix: " + found);
  }
  // Hugging Face's own two are one model, even where both come up.
  for (const std::string_view own : {std::string_view(), kTransformer}) {
    if (!prefixes.contains(std::string(own))) continue;
    prefix_ = own;
    return;
  }
  if (prefixes.size() > 1) {
    throw Error(ErrorCode::kInvalidModel, source + ": holds more than one GPT-2: wte.weight stands behind \"" +
                                              OneLine(*prefixes.begin()) + "\" and behind \"" +
                                              OneLine(*std::next(prefixes.begin())) + "\"");
  }
  prefix_ = *prefixes.begin();
}

std::string TensorNames::Canonical(std::string_view name) const {
  std::string result = Unwrap(name);
  // What stands around the model stands around its head, too: with "a.transformer.", "a.lm_head.weight" is the head.
  for (std::string_view prefix = prefix_; !prefix.empty();) {
    if (result.starts_with(prefix)) {
      result.erase(0, prefix.size());
      break;
    }
    prefix.remove_suffix(1);
    prefix = prefix.substr(0, prefix.rfind('.') + 1);  // npos + 1 is 0
  }
  if (result.starts_with(kTransformer)) result.erase(0, kTransformer.size());
  return result;
}

}  // namespace dcp
