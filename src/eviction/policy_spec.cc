// Spelling and checking of policies.
#include <charconv>
#include <string>

#include "dcp/error.h"
#include "dcp/eviction_policy.h"
#include "eviction/policies.h"

namespace dcp {
namespace {

constexpr const char* kChoices = "dense, learned, window:N, sinks:S,N, strided:W,S, h2o:N";

[[noreturn]] void Reject(std::string_view text, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "policy \"" + std::string(text) + "\": " + why);
}

int ParseNumber(std::string_view text, std::string_view number) {
  int value = 0;
  const char* end = number.data() + number.size();
  const auto [parsed, error] = std::from_chars(number.data(), end, value);
  if (number.empty() || error != std::errc() || parsed != end) {
    Reject(text, "\"" + std::string(number) + "\" is not a whole number; expected one of " + kChoices);
  }
  return value;
}

// The numbers after the colon.
struct Arguments {
  int count = 0;
  int first = 0;
  int second = 0;
};

Arguments ParseArguments(std::string_view text, std::string_view list) {
  Arguments arguments;
  const size_t comma = list.find(',');
  arguments.first = ParseNumber(text, list.substr(0, comma));
  arguments.count = 1;
  if (comma == std::string_view::npos) return arguments;
  arguments.second = ParseNumber(text, list.substr(comma + 1));
  arguments.count = 2;
  return arguments;
}

}  // namespace

PolicySpec ParsePolicy(std::string_view text) {
  using Kind = PolicySpec::Kind;
  const size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  const bool bare = colon == std::string_view::npos;
  const Arguments arguments = bare ? Arguments{} : ParseArguments(text, text.substr(colon + 1));
  const auto expect = [&](int count) {
    if (arguments.count != count) {
      Reject(text, "has " + std::to_string(arguments.count) + " numbers, needs " + std::to_string(count) +
                       "; expected one of " + kChoices);
    }
  };
  PolicySpec spec;
  if (kind == "dense" || kind == "learned") {
    expect(0);
    spec.kind = kind == "dense" ? Kind::kDense : Kind::kLearned;
  } else if (kind == "window") {
    expect(1);
    spec.kind = Kind::kWindow;
    spec.window = arguments.first;
  } else if (kind == "sinks") {
    expect(2);
    spec.kind = Kind::kSinks;
    spec.sinks = arguments.first;
    spec.window = arguments.second;
  } else if (kind == "strided") {
    expect(2);
    spec.kind = Kind::kStrided;
    spec.window = arguments.first;
    spec.stride = arguments.second;
  } else if (kind == "h2o") {
    expect(1);
    spec.kind = Kind::kH2O;
    spec.budget = arguments.first;
  } else {
    Reject(text, std::string("is not one of ") + kChoices);
  }
  CheckPolicySpec(spec, "policy \"" + std::string(text) + "\"");
  return spec;
}

}  // namespace dcp
