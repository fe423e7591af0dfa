// What is wrong with a request, in the form that clients of the OpenAI API expect.
#ifndef DCP_TOOLS_DCP_SERVE_API_API_ERROR_H_
#define DCP_TOOLS_DCP_SERVE_API_API_ERROR_H_

#include <stdexcept>
#include <string>

#include "common/json.h"
#include "dcp/error.h"

namespace dcp::tools {

// Ends a request with a status of HTTP.
class ApiError : public std::runtime_error {
 public:
  ApiError(int status, const std::string& message, std::string code = "")
      : std::runtime_error(message), status_(status), code_(std::move(code)) {}

  int status() const { return status_; }
  const std::string& code() const { return code_; }

 private:
  int status_;
  std::string code_;
};

// What the library says of a request that it cannot run: 400, or 500 where the client is not to blame.
ApiError ToApiError(const Error& error);

// {"error": {"message", "type", "param", "code"}}
Json ErrorDocument(int status, const std::string& message, const std::string& code = "");

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_SERVE_API_API_ERROR_H_
