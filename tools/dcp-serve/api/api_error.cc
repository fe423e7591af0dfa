#include "dcp-serve/api/api_error.h"

namespace dcp::tools {
namespace {

const char* TypeOf(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

}  // namespace

ApiError ToApiError(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kInvalidArgument:
      return ApiError(400, error.what());
    case ErrorCode::kContextFull:
      return ApiError(400, error.what(), "context_length_exceeded");
    default:
      return ApiError(500, error.what());
  }
}

Json ErrorDocument(int status, const std::string& message, const std::string& code) {
  Json error{{"message", message}, {"type", TypeOf(status)}, {"param", nullptr}, {"code", nullptr}};
  if (!code.empty()) error["code"] = code;
  return Json{{"error", std::move(error)}};
}

}  // namespace dcp::tools
