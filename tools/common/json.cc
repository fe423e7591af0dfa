#include "common/json.h"

#include <charconv>
#include <cmath>

#include "dcp/error.h"

namespace dcp::tools {

std::string Dump(const Json& document) { return document.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n'; }

double ShortestDouble(float value) {
  if (!std::isfinite(value)) return value;
  char digits[32];
  const auto written = std::to_chars(digits, digits + sizeof digits, value);
  double result = value;
  std::from_chars(digits, written.ptr, result);
  return result;
}

Json ParseJson(std::string_view text, const std::string& source) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    // "[json.exception.parse_error.101] parse error at line 1, ...": the bracket helps nobody.
    std::string reason = error.what();
    if (const size_t end = reason.find("] "); end != std::string::npos) reason.erase(0, end + 2);
    throw Error(ErrorCode::kInvalidArgument, source + ": not JSON: " + reason);
  }
}

}  // namespace dcp::tools
