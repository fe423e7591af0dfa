// Options that can be set in two ways: on a command line, and by the fields of a JSON object - a line of a file, the
// body of a request - under the same names with _ for -. The blocks that declare options (option_group.h) declare both
// at once.
#ifndef DCP_TOOLS_COMMON_SETTINGS_H_
#define DCP_TOOLS_COMMON_SETTINGS_H_

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace dcp::tools {

// What a value is in JSON. On a command line all are text.
enum class SettingForm {
  kText,    // "text"
  kWord,    // "word", or true and false where those are words
  kNumber,  // 1.5
  kFlag,    // true
  kIds,     // [1,2,3]; as text 1,2,3
  kPairs,   // {"key": 1.5}; as text key:1.5, one by one
};

struct Setting {
  SettingForm form = SettingForm::kText;
  bool repeated = false;  // takes an array of such values too (kPairs: an object is that already)
  std::function<void(const std::string&)> read;  // takes one value as text; throws dcp::Error for what it cannot be
  std::function<void()> clear;                   // of a repeated one: forgets its values
};

class Settings {
 public:
  // `option` as it is on the command line: "--top-k".
  void Add(const std::string& option, Setting setting);

  // Sets what the object's fields say; absent fields, and null, leave things as they are, and repeated ones take the
  // place of the values before. `others` are fields that are somebody else's. Throws dcp::Error(kInvalidArgument)
  // naming `source` and the field: unknown, of the wrong type, or with a value that it cannot have.
  void Apply(const nlohmann::json& object, const std::vector<std::string_view>& others,
             const std::string& source) const;

 private:
  std::map<std::string, Setting, std::less<>> settings_;  // by their names in JSON
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_SETTINGS_H_
