#include "support/json.h"

#include <algorithm>
#include <set>

#include "support/escape.h"
#include "support/file_kind.h"
#include "support/mapped_file.h"

namespace dcp {
namespace {

using Json = nlohmann::json;

// Deeper text is refused: the JSON library copies and prints by recursion.
constexpr size_t kMaxDepth = 64;

// Watches the parser: the library itself would let the last of two equal keys win.
class StrictnessCheck {
 public:
  StrictnessCheck(const std::string& source, ErrorCode code) : source_(source), code_(code) {}

  void On(Json::parse_event_t event, const Json& parsed) {
    switch (event) {
      case Json::parse_event_t::object_start:
      case Json::parse_event_t::array_start:
        if (keys_.size() == kMaxDepth) Fail("is nested deeper than " + std::to_string(kMaxDepth) + " levels");
        keys_.emplace_back();
        return;
      case Json::parse_event_t::object_end:
      case Json::parse_event_t::array_end:
        keys_.pop_back();
        return;
      case Json::parse_event_t::key:
        if (!keys_.back().insert(parsed.get_ref<const std::string&>()).second) {
          Fail("key " + Describe(parsed) + " is given twice");
        }
        return;
      case Json::parse_event_t::value:
        return;
    }
  }

 private:
  [[noreturn]] void Fail(const std::string& what) const { throw Error(code_, source_ + ": " + what); }

  const std::string& source_;
  const ErrorCode code_;
  std::vector<std::set<std::string>> keys_;  // of every object around the current place
};

// The library's message without its own "[json.exception.parse_error.101] parse error at".
std::string Reason(const Json::exception& error) {
  std::string_view what = error.what();
  if (const size_t end = what.find("] "); what.starts_with("[json.") && end != std::string_view::npos) {
    what.remove_prefix(end + 2);
  }
  return OneLine(what);
}

}  // namespace

Json ParseJson(std::string_view text, const std::string& source, ErrorCode code) {
  StrictnessCheck check(source, code);
  try {
    return Json::parse(text.begin(), text.end(), [&check](int, Json::parse_event_t event, Json& parsed) {
      check.On(event, parsed);
      return true;
    });
  } catch (const Json::exception& error) {
    throw Error(code, source + ": is not valid JSON: " + Reason(error));
  }
}

Json ParseJsonObject(std::string_view text, const std::string& source, ErrorCode code) {
  Json json = ParseJson(text, source, code);
  if (!json.is_object()) JsonReader(json, source, code).Fail("a JSON object");
  return json;
}

Json LoadJsonObject(const std::filesystem::path& path) {
  const MappedFile file = MappedFile::Open(path);
  if (file.bytes().empty()) throw Error(ErrorCode::kInvalidModel, path.string() + ": is empty, expected a JSON object");
  if (const std::string_view kind = ForeignKind(file.text()); !kind.empty()) {
    throw Error(ErrorCode::kInvalidModel, path.string() + ": is " + std::string(kind) + ", expected a JSON object");
  }
  return ParseJsonObject(file.text(), path.string());
}

std::string Describe(const Json& value) {
  if (value.is_array()) return "an array";
  if (value.is_object()) return "an object";
  if (value.is_string()) return Quote(value.get_ref<const std::string&>());
  return value.dump();
}

JsonReader JsonReader::operator[](std::string_view field) const {
  if (!present() || !value_->is_object()) Fail("an object");
  const auto found = value_->find(field);
  const bool absent = found == value_->end() || found->is_null();
  return {absent ? nullptr : &*found, name_ + (is_document_ ? ": " : ".") + OneLine(field), *this};
}

JsonReader JsonReader::operator[](size_t index) const {
  const Json& element = (*value_)[index];
  return {element.is_null() ? nullptr : &element, name_ + (is_document_ ? ": [" : "[") + std::to_string(index) + "]",
          *this};
}

size_t JsonReader::Size(size_t least) const {
  if (!present() || !value_->is_array()) Fail("an array");
  if (value_->size() < least) {
    Fail("an array of " + std::to_string(least) + " or more, has " + std::to_string(value_->size()));
  }
  return value_->size();
}

double JsonReader::Number() const {
  if (!present() || !value_->is_number()) Fail("a number");
  return value_->get<double>();
}

bool JsonReader::Flag() const {
  if (!present() || !value_->is_boolean()) Fail("true or false");
  return value_->get<bool>();
}

const std::string& JsonReader::Text() const {
  if (!present() || !value_->is_string()) Fail("a string");
  return value_->get_ref<const std::string&>();
}

size_t JsonReader::Choice(std::initializer_list<std::string_view> choices) const {
  std::string expected;
  for (const std::string_view& choice : choices) {
    if (present() && value_->is_string() && value_->get_ref<const std::string&>() == choice) {
      return static_cast<size_t>(&choice - choices.begin());
    }
    expected += (expected.empty() ? "\"" : " or \"") + std::string(choice) + "\"";
  }
  Fail(expected);
}

std::vector<std::string> JsonReader::Texts(size_t least) const {
  std::vector<std::string> texts;
  for (size_t i = 0; i < Size(least); ++i) texts.push_back((*this)[i].Text());
  return texts;
}

bool JsonReader::IsInteger(int64_t least, uint64_t most) const {
  if (!present() || !value_->is_number_integer()) return false;
  if (!value_->is_number_unsigned()) {
    const auto value = value_->get<int64_t>();
    return value >= least && (value < 0 || static_cast<uint64_t>(value) <= most);
  }
  const auto value = value_->get<uint64_t>();
  return value <= most && (least <= 0 || value >= static_cast<uint64_t>(least));
}

void JsonReader::FailInteger(int64_t least, uint64_t most) const {
  const bool is_integer = present() && value_->is_number_integer();
  const bool too_large = is_integer && value_->is_number_unsigned() && value_->get<uint64_t>() > most;
  const bool low = least > std::numeric_limits<int>::min();
  const bool high = most < uint64_t{std::numeric_limits<int>::max()} || too_large;
  if (!low && !high) Fail("an integer");
  const std::string kind = is_integer ? "" : "an integer of ";
  if (low && high) Fail(kind + std::to_string(least) + " to " + std::to_string(most));
  Fail(kind + (low ? "at least " + std::to_string(least) : "at most " + std::to_string(most)));
}

std::string JsonReader::Complaint(const std::string& expected) const {
  const std::string found = present() ? Describe(*value_) : "missing";
  return name_ + (is_document_ ? ": is " : " is ") + found + ", expected " + expected;
}

void JsonReader::Fail(const std::string& expected) const { throw Error(code_, Complaint(expected)); }

}  // namespace dcp
