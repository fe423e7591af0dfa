#include "io/config_reader.h"

#include <cmath>
#include <limits>
#include <utility>

#include "dcp/error.h"

namespace dcp {

std::optional<int> ConfigReader::Integer(const char* field) const {
  const nlohmann::json* const value = Find(field);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) Fail(std::string(field) + " is " + Describe(*value) + ", expected an integer");
  constexpr int kMax = std::numeric_limits<int>::max();
  const bool fits = value->is_number_unsigned() ? value->get<uint64_t>() <= uint64_t{kMax}
                                                : value->get<int64_t>() >= std::numeric_limits<int>::min();
  if (!fits)
    Fail(std::string(field) + " is " + Describe(*value) + ", expected an integer of at most " + std::to_string(kMax));
  return static_cast<int>(value->get<int64_t>());
}

std::optional<float> ConfigReader::Number(const char* field) const {
  const nlohmann::json* const value = Find(field);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) Fail(std::string(field) + " is " + Describe(*value) + ", expected a number");
  return value->get<float>();
}

int ConfigReader::Size(const char* field) const {
  const std::optional<int> value = Integer(field);
  if (!value) Fail(std::string(field) + " is missing, expected a positive integer");
  if (*value < 1) Fail(std::string(field) + " is " + std::to_string(*value) + ", expected at least 1");
  return *value;
}

int ConfigReader::InnerWidth(int n_embd) const {
  if (Find("n_inner") != nullptr) return Size("n_inner");
  if (n_embd > std::numeric_limits<int>::max() / 4) {
    Fail("n_embd is " + std::to_string(n_embd) + ", too wide for an n_inner of 4 n_embd");
  }
  return 4 * n_embd;
}

std::optional<InteractionFields> ConfigReader::Interaction() const {
  const nlohmann::json* const dcp = Find("dcp");
  if (dcp == nullptr) return std::nullopt;
  if (!dcp->is_object()) Fail("dcp is " + Describe(*dcp) + ", expected an object");
  const ConfigReader reader(*dcp, source_ + ": dcp");
  const int version = reader.Size("version");
  if (version != 1) Fail("dcp: version is " + std::to_string(version) + ", expected 1");
  const int width = reader.Size("int_n_embd");
  return InteractionFields{width, reader.Integer("eviction_delay").value_or(0)};
}

void ConfigReader::CheckVariant() const {
  if (Find("model_type") == nullptr) Fail("model_type is missing, expected \"gpt2\"");
  CheckModelType();
  if (const nlohmann::json* const activation = Find("activation_function")) {
    if (*activation != "gelu_new" && *activation != "gelu_pytorch_tanh") {
      Fail("activation_function is " + Describe(*activation) + ", expected \"gelu_new\" or \"gelu_pytorch_tanh\"");
    }
  }
  CheckFlag("tie_word_embeddings", true);
  CheckFlag("scale_attn_weights", true);
  CheckFlag("scale_attn_by_inverse_layer_idx", false);
  CheckFlag("add_cross_attention", false);
}

void ConfigReader::CheckModelType() const {
  const nlohmann::json* const type = Find("model_type");
  if (type != nullptr && *type != "gpt2") Fail("model_type is " + Describe(*type) + ", expected \"gpt2\"");
}

const nlohmann::json* ConfigReader::Find(const char* field) const {
  const auto found = json_.find(field);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

void ConfigReader::CheckFlag(const char* field, bool required) const {
  const nlohmann::json* const value = Find(field);
  if (value == nullptr || (value->is_boolean() && value->get<bool>() == required)) return;
  Fail(std::string(field) + " is " + Describe(*value) + ", expected " + (required ? "true" : "false"));
}

void ConfigReader::Fail(const std::string& what) const { throw Error(ErrorCode::kInvalidModel, source_ + ": " + what); }

}  // namespace dcp
