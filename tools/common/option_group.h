// How every tool declares its options: one line for each, under a heading of --help, with the values that it takes.
//
//   const OptionGroup add(app, "Measuring");
//   add("--steps", options.steps, "Decode steps of a repetition; default: 16", "N", AtLeast(1));
//   add.List("--batch", options.batches, "Sequences decoded together; default: 1,8,32", "N,N..", AtLeast(1));
//
// Options that several tools have are blocks: a struct and an Add..Options(const OptionGroup&, ..) in model_options.h,
// sampling_options.h, request_options.h, report_files.h and corpus.h. A new option is a field and a line of the block
// it belongs to, and all tools that compose the block have it. What the library checks itself (a top_p above 1) is not
// checked again here.
//
// CLI11 takes the command line apart and writes --help. Values are read here: CLI11 passes over empty entries of lists,
// and its words for a value that cannot be used change from version to version. Here they are
// "--batch: \"0\" is less than 1".
#ifndef DCP_TOOLS_COMMON_OPTION_GROUP_H_
#define DCP_TOOLS_COMMON_OPTION_GROUP_H_

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/id_list.h"
#include "common/settings.h"
#include "dcp/error.h"
#include "dcp/types.h"

namespace CLI {  // whose header takes longer to compile than most of what declares options
class App;
class Option;
}  // namespace CLI

namespace dcp::tools {

// Throws dcp::Error(kInvalidArgument): "text" in quotes, and what is wrong with it.
[[noreturn]] void RejectValue(std::string_view text, const std::string& what);

// The entries between commas.
std::vector<std::string> SplitList(std::string_view list);

// The nearest number to one that is too small for the type but not 0; nothing where it is too large.
std::optional<float> NearestToTiny(const std::string& text);

// A whole number or a decimal one, and nothing else.
template <typename T>
T ReadNumber(const std::string& text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::result_out_of_range) {
    if constexpr (std::is_floating_point_v<T>) {
      if (const auto tiny = NearestToTiny(text); tiny && rest == end) return *tiny;
    }
    RejectValue(text, "is out of range");
  }
  if (error != std::errc() || rest != end) {
    const char* const kind = std::is_signed_v<T> ? "is not a whole number" : "is not a whole number, 0 or more";
    RejectValue(text, std::is_floating_point_v<T> ? "is not a number" : kind);
  }
  return value;
}

// Any text but an empty one.
std::string ReadNonEmpty(const std::string& text);

// What an option takes where nothing else is said: text as it is, numbers of the option's type.
template <typename T>
T ReadValue(const std::string& text) {
  if constexpr (std::is_arithmetic_v<T>) {
    return ReadNumber<T>(text);
  } else {
    return text;
  }
}

// Numbers that are not below `low`.
template <typename T>
auto AtLeast(T low) {
  return [low](const std::string& text) {
    const T value = ReadNumber<T>(text);
    if (!(value >= low)) RejectValue(text, (std::ostringstream() << "is less than " << low).str());
    return value;
  };
}

// Numbers from `low` to `high`.
template <typename T>
auto Between(T low, T high) {
  return [low, high](const std::string& text) {
    const T value = ReadNumber<T>(text);
    if (!(value >= low && value <= high)) {
      RejectValue(text, (std::ostringstream() << "is not between " << low << " and " << high).str());
    }
    return value;
  };
}

// Token ids between commas.
std::vector<TokenId> ReadIds(const std::string& text);

template <typename T>
struct ValueOf {
  using Type = T;
};
template <typename T>
struct ValueOf<std::optional<T>> {
  using Type = T;
};

// How a value of this type, perhaps optional, stands in JSON.
template <typename Option>
constexpr SettingForm FormOf() {
  using T = typename ValueOf<Option>::Type;
  if (std::is_same_v<T, bool>) return SettingForm::kFlag;
  if (std::is_same_v<T, std::vector<TokenId>>) return SettingForm::kIds;
  if (std::is_enum_v<T>) return SettingForm::kWord;
  return std::is_arithmetic_v<T> ? SettingForm::kNumber : SettingForm::kText;
}

// One of these words.
template <typename T>
auto OneOf(std::vector<std::pair<std::string, T>> words) {
  return [words = std::move(words)](const std::string& text) {
    std::string names;
    for (const auto& [name, value] : words) {
      if (name == text) return value;
      names += (names.empty() ? "" : ", ") + name;
    }
    RejectValue(text, "is not one of " + names);
  };
}

// An option that was declared, for what few say of theirs. Of options that no command line has, nothing need be said.
class DeclaredOption {
 public:
  explicit DeclaredOption(CLI::Option* option) : option_(option) {}

  // Without it, the command line is an error.
  void Required() const;

  // May stand without a value, as if it had `value`.
  void MayLackValue(const std::string& value) const;

 private:
  friend class OptionGroup;
  CLI::Option* option_;  // null: not on a command line
};

// The options under one heading of --help. `type` stands for the value there ("N", "FILE"); the help gives unit and
// default. A `read` makes a value of text and throws dcp::Error for text that stands for none: AtLeast(1), OneOf(..),
// ParsePolicy; the error gets the option's name. Variables must outlive the parsing.
class OptionGroup {
 public:
  OptionGroup(CLI::App& app, std::string heading) : app_(&app), heading_(std::move(heading)) {}

  // Each option becomes one of the settings; there is no command line.
  explicit OptionGroup(Settings& settings) : settings_(&settings) {}

  // One value; `value` may be std::optional, which stays empty when the option is not given.
  template <typename T, typename Read>
  DeclaredOption operator()(const std::string& name, T& value, const std::string& help, const std::string& type,
                            Read read) const {
    return Declare(name, help, type,
                   {FormOf<T>(), false, [&value, read](const std::string& text) { value = read(text); }, {}});
  }
  template <typename T>
  DeclaredOption operator()(const std::string& name, T& value, const std::string& help, const std::string& type) const {
    return (*this)(name, value, help, type, ReadValue<T>);
  }
  template <typename T>
  DeclaredOption operator()(const std::string& name, std::optional<T>& value, const std::string& help,
                            const std::string& type) const {
    return (*this)(name, value, help, type, ReadValue<T>);
  }

  // Values between commas, in the order given, each once; they take the place of the default.
  template <typename T, typename Read>
  DeclaredOption List(const std::string& name, std::vector<T>& values, const std::string& help, const std::string& type,
                      Read read) const {
    const auto read_list = [&values, read](const std::string& list) {
      values.clear();
      for (const std::string& text : SplitList(list)) {
        if (text.empty()) RejectValue(list, "has an empty entry");
        const T value = read(text);
        if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
      }
    };
    return Declare(name, help, type, {SettingForm::kText, false, read_list, {}});
  }

  // May be given several times, one value each time, whatever it looks like.
  template <typename T, typename Read>
  DeclaredOption Each(const std::string& name, std::vector<T>& values, const std::string& help, const std::string& type,
                      Read read) const {
    return Repeated(name, values, help, type, FormOf<T>(), read);
  }
  template <typename T>
  DeclaredOption Each(const std::string& name, std::vector<T>& values, const std::string& help,
                      const std::string& type) const {
    return Each(name, values, help, type, ReadValue<T>);
  }

  // The same for values "key:number", which JSON has as an object.
  template <typename T, typename Read>
  DeclaredOption Pairs(const std::string& name, std::vector<T>& values, const std::string& help,
                       const std::string& type, Read read) const {
    return Repeated(name, values, help, type, SettingForm::kPairs, read);
  }

  // Takes all arguments up to the next option; may be given several times.
  DeclaredOption Several(const std::string& name, std::vector<std::string>& values, const std::string& help,
                         const std::string& type) const;

  // No value.
  DeclaredOption Flag(const std::string& name, bool& value, const std::string& help) const;

 private:
  template <typename T, typename Read>
  DeclaredOption Repeated(const std::string& name, std::vector<T>& values, const std::string& help,
                          const std::string& type, SettingForm form, Read read) const {
    // Not CLI11's own vectors: they give "{}" and "[a,b]" a meaning.
    const auto add = [&values, read](const std::string& text) { values.push_back(read(text)); };
    return Declare(name, help, type, {form, true, add, [&values] { values.clear(); }});
  }
  // A repeated one takes what is given each time.
  DeclaredOption Declare(const std::string& name, const std::string& help, const std::string& type,
                         Setting setting) const;

  CLI::App* app_ = nullptr;
  std::string heading_;
  Settings* settings_ = nullptr;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_OPTION_GROUP_H_
