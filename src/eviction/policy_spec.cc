// The spelling of policies: rules joined by "+", each "kind:N,M" and, behind an "@", the layers that it is for.
#include <charconv>
#include <string>

#include "dcp/error.h"
#include "dcp/eviction_policy.h"
#include "eviction/policies.h"

namespace dcp {
namespace {

using Kind = PolicySpec::Kind;

constexpr const char* kChoices = "dense, learned, window:N, sinks:S,N, strided:W,S, h2o:N";

// One rule of a policy, with the whole text for messages.
class RuleParser {
 public:
  RuleParser(std::string_view text, std::string_view rule) : text_(text), rule_(rule) {}

  PolicySpec Parse() {
    const size_t at = rule_.find('@');
    ParseRule(rule_.substr(0, at));
    if (at != std::string_view::npos) ParseLayers(rule_.substr(at + 1));
    return std::move(spec_);
  }

 private:
  [[noreturn]] void Reject(const std::string& why) const {
    throw Error(ErrorCode::kInvalidArgument, "policy \"" + std::string(text_) + "\": " + why);
  }

  template <typename T>
  bool Read(std::string_view number, T& value) const {
    const char* end = number.data() + number.size();
    const auto [parsed, error] = std::from_chars(number.data(), end, value);
    return !number.empty() && error == std::errc() && parsed == end;
  }

  void ParseRule(std::string_view rule) {
    const size_t colon = rule.find(':');
    const std::string_view kind = rule.substr(0, colon);
    const std::vector<std::string_view> numbers =
        colon == std::string_view::npos ? std::vector<std::string_view>{} : Split(rule.substr(colon + 1), ',');
    size_t wanted = 1;
    if (kind == "dense" || kind == "learned") {
      spec_.kind = kind == "dense" ? Kind::kDense : Kind::kLearned;
      wanted = 0;
    } else if (kind == "window") {
      spec_.kind = Kind::kWindow;
    } else if (kind == "sinks") {
      spec_.kind = Kind::kSinks;
      wanted = 2;
    } else if (kind == "strided") {
      spec_.kind = Kind::kStrided;
      wanted = 2;
    } else if (kind == "h2o") {
      spec_.kind = Kind::kH2O;
    } else {
      Reject("is not one of " + std::string(kChoices));
    }
    if (numbers.size() != wanted) {
      Reject("has " + std::to_string(numbers.size()) + " numbers, needs " + std::to_string(wanted) +
             "; expected one of " + kChoices);
    }
    ParseNumbers(numbers);
  }

  void ParseNumbers(const std::vector<std::string_view>& numbers) {
    switch (spec_.kind) {
      case Kind::kDense:
      case Kind::kLearned:
        break;
      case Kind::kWindow:
        return ParseTokens(numbers[0], spec_.window, spec_.shares.window);
      case Kind::kSinks:
        ParseTokens(numbers[0], spec_.sinks, spec_.shares.sinks);
        return ParseTokens(numbers[1], spec_.window, spec_.shares.window);
      case Kind::kStrided:
        ParseTokens(numbers[0], spec_.window, spec_.shares.window);
        return ParseWhole(numbers[1], spec_.stride);
      case Kind::kH2O:
        return ParseTokens(numbers[0], spec_.budget, spec_.shares.budget);
    }
  }

  // "64", or "20%" of the context.
  void ParseTokens(std::string_view text, int& tokens, double& share) const {
    if (!text.ends_with('%')) return ParseWhole(text, tokens);
    if (!Read(text.substr(0, text.size() - 1), share) || !(share > 0 && share <= 100)) {
      Reject("\"" + std::string(text) + "\" is not a share of the context, above 0% to 100%");
    }
  }

  void ParseWhole(std::string_view text, int& value) const {
    if (!Read(text, value)) {
      Reject("\"" + std::string(text) + "\" is not a whole number; expected one of " + kChoices);
    }
  }

  // "0,2-4"
  void ParseLayers(std::string_view list) {
    for (const std::string_view entry : Split(list, ',')) {
      const size_t dash = entry.find('-');
      LayerRange range;
      const bool first = Read(entry.substr(0, dash), range.first);
      range.last = range.first;
      const bool last = dash == std::string_view::npos || Read(entry.substr(dash + 1), range.last);
      if (!first || !last || range.first < 0 || range.last < range.first) {
        Reject("\"" + std::string(entry) + "\" names no layers; expected A or A-B, counted from 0");
      }
      spec_.layers.push_back(range);
    }
  }

  std::string_view text_;
  std::string_view rule_;
  PolicySpec spec_;
};

std::string Tokens(int tokens, double share) { return share > 0 ? ShortNumber(share) + "%" : std::to_string(tokens); }

}  // namespace

std::vector<std::string_view> Split(std::string_view list, char separator) {
  std::vector<std::string_view> entries;
  for (size_t end; (end = list.find(separator)) != std::string_view::npos; list.remove_prefix(end + 1)) {
    entries.push_back(list.substr(0, end));
  }
  entries.push_back(list);
  return entries;
}

PolicySpec ParsePolicy(std::string_view text) {
  PolicySpec spec;
  bool first = true;
  for (const std::string_view rule : Split(text, '+')) {
    PolicySpec parsed = RuleParser(text, rule).Parse();
    if (first) {
      spec = std::move(parsed);
    } else {
      spec.others.push_back(std::move(parsed));
    }
    first = false;
  }
  CheckPolicySpec(spec, "policy \"" + std::string(text) + "\"");
  return spec;
}

std::string SpellRule(const PolicySpec& rule) {
  const std::string window = Tokens(rule.window, rule.shares.window);
  std::string text;
  switch (rule.kind) {
    case Kind::kDense:
      text = "dense";
      break;
    case Kind::kLearned:
      text = "learned";
      break;
    case Kind::kWindow:
      text = "window:" + window;
      break;
    case Kind::kSinks:
      text = "sinks:" + Tokens(rule.sinks, rule.shares.sinks) + "," + window;
      break;
    case Kind::kStrided:
      text = "strided:" + window + "," + std::to_string(rule.stride);
      break;
    case Kind::kH2O:
      text = "h2o:" + Tokens(rule.budget, rule.shares.budget);
      break;
  }
  for (size_t i = 0; i < rule.layers.size(); ++i) {
    const auto [from, to] = rule.layers[i];
    text += (i == 0 ? "@" : ",") + std::to_string(from) + (from == to ? "" : "-" + std::to_string(to));
  }
  return text;
}

}  // namespace dcp
