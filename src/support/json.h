// JSON read strictly, with errors that name the place: file, field, what stands there and what was expected.
#ifndef DCP_SUPPORT_JSON_H_
#define DCP_SUPPORT_JSON_H_

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dcp/error.h"

namespace dcp {

// Parses a JSON text. `source` (a file name) begins every message. Throws Error(code) for text that is not JSON, gives
// a key twice in one object, or nests deeper than 64; nothing of the JSON library escapes.
nlohmann::json ParseJson(std::string_view text, const std::string& source, ErrorCode code = ErrorCode::kInvalidModel);

// The same for a text that must be an object.
nlohmann::json ParseJsonObject(std::string_view text, const std::string& source,
                               ErrorCode code = ErrorCode::kInvalidModel);

// The same of a file's content. Throws Error(kIo) when the file cannot be read.
nlohmann::json LoadJsonObject(const std::filesystem::path& path);

// A value as messages show it, in one short line: `"four"`, `-1`, `an array`.
std::string Describe(const nlohmann::json& value);

// One value of a document, or a field that is absent, which a null counts as. Knows its name - the source and the path,
// "m/config.json: dcp.version" - and what is asked of it and cannot be had throws Error(code) with
// "<name> is <value>, expected <...>" or "<name> is missing, expected <...>". Views the document.
class JsonReader {
 public:
  JsonReader(const nlohmann::json& document, std::string source, ErrorCode code = ErrorCode::kInvalidModel)
      : value_(&document), name_(std::move(source)), code_(code) {}

  // A field of an object.
  JsonReader operator[](std::string_view field) const;

  // An element of an array. REQUIRES: index < Size().
  JsonReader operator[](size_t index) const;

  bool present() const { return value_ != nullptr; }

  // What messages call it: the source and the path.
  const std::string& name() const { return name_; }

  // The value itself. REQUIRES: present().
  const nlohmann::json& json() const { return *value_; }

  // How many elements an array has, which must be `least` or more.
  size_t Size(size_t least = 0) const;

  template <std::integral T = int>
  T Integer(T least = std::numeric_limits<T>::min(), T most = std::numeric_limits<T>::max()) const;

  double Number() const;
  bool Flag() const;
  const std::string& Text() const;

  // The index of the text among `choices`.
  size_t Choice(std::initializer_list<std::string_view> choices) const;

  // Those of an array.
  template <std::integral T = int>
  std::vector<T> Integers(T least = std::numeric_limits<T>::min(), T most = std::numeric_limits<T>::max()) const;
  std::vector<std::string> Texts(size_t least = 0) const;

  // nullopt where absent.
  template <std::integral T = int>
  std::optional<T> MaybeInteger(T least = std::numeric_limits<T>::min(), T most = std::numeric_limits<T>::max()) const {
    return present() ? std::optional<T>(Integer<T>(least, most)) : std::nullopt;
  }
  std::optional<double> MaybeNumber() const { return present() ? std::optional(Number()) : std::nullopt; }

  // "<name> is <value>, expected <expected>": for warnings, and what Fail throws.
  std::string Complaint(const std::string& expected) const;

  // For checks of the caller's own: `expected` is the end of the message.
  [[noreturn]] void Fail(const std::string& expected) const;

 private:
  JsonReader(const nlohmann::json* value, std::string name, const JsonReader& parent)
      : value_(value), name_(std::move(name)), code_(parent.code_), is_document_(false) {}

  bool IsInteger(int64_t least, uint64_t most) const;
  [[noreturn]] void FailInteger(int64_t least, uint64_t most) const;

  const nlohmann::json* value_;  // null: absent
  std::string name_;
  ErrorCode code_;
  bool is_document_ = true;  // then the name is the source alone
};

template <std::integral T>
T JsonReader::Integer(T least, T most) const {
  const auto low = static_cast<int64_t>(least);
  const auto high = static_cast<uint64_t>(most);
  if (!IsInteger(low, high)) FailInteger(low, high);
  return value_->get<T>();
}

template <std::integral T>
std::vector<T> JsonReader::Integers(T least, T most) const {
  std::vector<T> integers;
  integers.reserve(Size());
  for (size_t i = 0; i < value_->size(); ++i) {
    const JsonReader element(&(*value_)[i], {}, *this);  // its name is made where it is needed
    if (!element.IsInteger(static_cast<int64_t>(least), static_cast<uint64_t>(most)))
      (*this)[i].Integer<T>(least, most);
    integers.push_back(element.json().template get<T>());
  }
  return integers;
}

}  // namespace dcp

#endif  // DCP_SUPPORT_JSON_H_
