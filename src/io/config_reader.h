// The fields of a Hugging Face GPT-2 config.json, one by one.
#ifndef DCP_IO_CONFIG_READER_H_
#define DCP_IO_CONFIG_READER_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "io/json_file.h"

namespace dcp {

// What the "dcp" object says.
struct InteractionFields {
  int width = 0;  // R, "int_n_embd"
  int delay = 0;  // W, "eviction_delay"; 0 where absent
};

// Views a JSON object. Methods throw Error(kInvalidModel) naming `source`, the field and what stands there. A field
// that is null counts as absent, as it does for Hugging Face.
class ConfigReader {
 public:
  ConfigReader(const nlohmann::json& json, std::string source) : json_(json), source_(std::move(source)) {}

  // Absent, or an integer that an int can hold.
  std::optional<int> Integer(const char* field) const;

  // Absent, or a number as a float.
  std::optional<float> Number(const char* field) const;

  // A required integer of 1 or more.
  int Size(const char* field) const;

  // "n_inner", 4 * n_embd where absent.
  int InnerWidth(int n_embd) const;

  // The "dcp" object, whose version must be 1; nullopt without such an object.
  std::optional<InteractionFields> Interaction() const;

  // Refuses everything that is not the GPT-2 that libdcp computes: another model_type, another activation, untied
  // embeddings, attention variants. REQUIRES a model_type; every other field has GPT-2's default where absent.
  void CheckVariant() const;

  // Refuses a model_type other than "gpt2", if there is one.
  void CheckModelType() const;

 private:
  const nlohmann::json* Find(const char* field) const;
  void CheckFlag(const char* field, bool required) const;
  [[noreturn]] void Fail(const std::string& what) const;

  const nlohmann::json& json_;
  std::string source_;
};

}  // namespace dcp

#endif  // DCP_IO_CONFIG_READER_H_
