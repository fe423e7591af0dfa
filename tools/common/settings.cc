#include "common/settings.h"

#include <algorithm>
#include <utility>

#include "dcp/error.h"
#include "support/escape.h"
#include "support/json.h"

namespace dcp::tools {
namespace {

// A value that is no array of values, as the text that a command line would have for it.
std::string AsText(const JsonReader& value, SettingForm form) {
  switch (form) {
    case SettingForm::kNumber:
      value.Number();
      return value.json().dump();
    case SettingForm::kFlag:
      return value.Flag() ? "true" : "false";
    case SettingForm::kWord:
      return value.present() && value.json().is_boolean() ? value.json().dump() : value.Text();
    case SettingForm::kIds: {
      std::string ids;
      for (const int64_t id : value.Integers<int64_t>()) ids += (ids.empty() ? "" : ",") + std::to_string(id);
      return ids;
    }
    case SettingForm::kText:
    case SettingForm::kPairs:
      break;
  }
  return value.Text();
}

std::vector<std::string> PairsAsTexts(const JsonReader& value) {
  if (!value.json().is_object()) value.Fail("an object of numbers");
  std::vector<std::string> texts;
  for (const auto& [key, number] : value.json().items()) {
    if (!number.is_number()) value[key].Number();
    texts.push_back(key + ":" + number.dump());
  }
  return texts;
}

// Whether this is an array of values, not a value that is an array.
bool IsArrayOfValues(const nlohmann::json& value, const Setting& setting) {
  if (!setting.repeated || !value.is_array()) return false;
  return setting.form != SettingForm::kIds || value.empty() || value[0].is_array();
}

std::vector<std::string> AsTexts(const JsonReader& value, const Setting& setting) {
  if (setting.form == SettingForm::kPairs) return PairsAsTexts(value);
  if (!IsArrayOfValues(value.json(), setting)) return {AsText(value, setting.form)};
  std::vector<std::string> texts;
  for (size_t i = 0; i < value.Size(); ++i) texts.push_back(AsText(value[i], setting.form));
  return texts;
}

}  // namespace

void Settings::Add(const std::string& option, Setting setting) {
  std::string name = option.substr(option.find_first_not_of('-'));
  std::replace(name.begin(), name.end(), '-', '_');
  settings_.emplace(std::move(name), std::move(setting));
}

void Settings::Apply(const nlohmann::json& object, const std::vector<std::string_view>& others,
                     const std::string& source) const {
  const JsonReader fields(object, source, ErrorCode::kInvalidArgument);
  for (const auto& [name, value] : object.items()) {
    if (std::find(others.begin(), others.end(), name) != others.end()) continue;
    const auto found = settings_.find(name);
    if (found == settings_.end()) {
      throw Error(ErrorCode::kInvalidArgument,
                  source + ": " + Quote(name) + " is no setting; they have the names of the options, with _ for -");
    }
    if (value.is_null()) continue;
    const Setting& setting = found->second;
    const std::vector<std::string> texts = AsTexts(fields[name], setting);
    if (setting.repeated) setting.clear();
    try {
      for (const std::string& text : texts) setting.read(text);
    } catch (const Error& error) {
      throw Error(error.code(), source + ": " + name + ": " + error.what());
    }
  }
}

}  // namespace dcp::tools
