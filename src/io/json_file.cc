#include "io/json_file.h"

#include <set>
#include <vector>

#include "dcp/error.h"
#include "io/mapped_file.h"

namespace dcp {
namespace {

using Json = nlohmann::json;

// Deeper text is refused: the JSON library copies and prints by recursion.
constexpr size_t kMaxDepth = 64;

// Watches the parser: the library itself would let the last of two equal keys win.
class StrictnessCheck {
 public:
  explicit StrictnessCheck(const std::string& source) : source_(source) {}

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
  [[noreturn]] void Fail(const std::string& what) const {
    throw Error(ErrorCode::kInvalidModel, source_ + ": " + what);
  }

  const std::string& source_;
  std::vector<std::set<std::string>> keys_;  // of every object around the current place
};

// The library's message without its own "[json.exception.parse_error.101] parse error at".
std::string Reason(const Json::exception& error) {
  std::string_view what = error.what();
  if (const size_t end = what.find("] "); what.starts_with("[json.") && end != std::string_view::npos) {
    what.remove_prefix(end + 2);
  }
  return Printable(what);
}

}  // namespace

Json ParseJsonObject(std::string_view text, const std::string& source) {
  StrictnessCheck check(source);
  Json json;
  try {
    json = Json::parse(text.begin(), text.end(), [&check](int, Json::parse_event_t event, Json& parsed) {
      check.On(event, parsed);
      return true;
    });
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kInvalidModel, source + ": is not valid JSON: " + Reason(error));
  }
  if (!json.is_object()) {
    throw Error(ErrorCode::kInvalidModel, source + ": is " + Describe(json) + ", expected a JSON object");
  }
  return json;
}

Json LoadJsonObject(const std::filesystem::path& path) {
  const MappedFile file = MappedFile::Open(path);
  if (file.bytes().empty()) throw Error(ErrorCode::kInvalidModel, path.string() + ": is empty, expected a JSON object");
  return ParseJsonObject(file.text(), path.string());
}

std::string Describe(const Json& value) {
  if (value.is_array()) return "an array";
  if (value.is_object()) return "an object";
  if (value.is_string()) return "\"" + Printable(value.get_ref<const std::string&>()) + "\"";
  return value.dump();
}

std::string Printable(std::string_view text) {
  constexpr size_t kMaxShown = 160;
  constexpr char kHex[] = "0123456789abcdef";
  std::string shown;
  for (const char c : text) {
    if (shown.size() >= kMaxShown) return shown + "...";
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      shown += c;
    } else {
      shown += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return shown;
}

}  // namespace dcp
