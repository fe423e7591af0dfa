#include "common/option_group.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "support/escape.h"

namespace dcp::tools {

void RejectValue(std::string_view text, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, Quote(text) + " " + what);
}

std::vector<std::string> SplitList(std::string_view list) {
  std::vector<std::string> entries;
  while (true) {
    const size_t comma = list.find(',');
    entries.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return entries;
    list.remove_prefix(comma + 1);
  }
}

std::optional<float> NearestToTiny(const std::string& text) {
  // Of what is out of range strtod says whether it is near 0 or far off; it reads no locale that a tool has set.
  const double value = std::strtod(text.c_str(), nullptr);
  if (!(std::abs(value) < 1.0)) return std::nullopt;
  return std::copysign(std::numeric_limits<float>::denorm_min(), static_cast<float>(value));
}

std::string ReadNonEmpty(const std::string& text) {
  if (text.empty()) RejectValue(text, "is empty");
  return text;
}

std::vector<TokenId> ReadIds(const std::string& text) { return ParseIdList(text, "ids"); }

void DeclaredOption::Required() const {
  if (option_ != nullptr) option_->required();
}

void DeclaredOption::MayLackValue(const std::string& value) const {
  if (option_ != nullptr) option_->expected(0, 1)->default_str(value);
}

DeclaredOption OptionGroup::Several(const std::string& name, std::vector<std::string>& values, const std::string& help,
                                    const std::string& type) const {
  const DeclaredOption declared = Each(name, values, help, type);
  if (declared.option_ != nullptr) declared.option_->expected(-1);
  return declared;
}

DeclaredOption OptionGroup::Declare(const std::string& name, const std::string& help, const std::string& type,
                                    Setting setting) const {
  if (settings_ != nullptr) settings_->Add(name, setting);
  if (app_ == nullptr) return DeclaredOption(nullptr);
  const auto read_all = [name, read = std::move(setting.read)](const CLI::results_t& texts) {
    try {
      for (const std::string& text : texts) read(text);
    } catch (const Error& error) {
      throw Error(error.code(), name + ": " + error.what());
    }
    return true;
  };
  CLI::Option* const option = app_->add_option(name, read_all, help)->type_name(type)->group(heading_)->expected(1);
  if (setting.repeated) option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return DeclaredOption(option);
}

DeclaredOption OptionGroup::Flag(const std::string& name, bool& value, const std::string& help) const {
  const auto read = [&value](const std::string& text) { value = text == "true"; };
  if (settings_ != nullptr) settings_->Add(name, {SettingForm::kFlag, false, read, {}});
  return DeclaredOption(app_ == nullptr ? nullptr : app_->add_flag(name, value, help)->group(heading_));
}

}  // namespace dcp::tools
