// Who may ask.
#ifndef DCP_TOOLS_DCP_SERVE_HTTP_API_KEYS_H_
#define DCP_TOOLS_DCP_SERVE_HTTP_API_KEYS_H_

#include <string>
#include <string_view>
#include <vector>

#include "common/tool.h"

namespace dcp::tools {

class ApiKeys {
 public:
  ApiKeys() = default;  // everybody may

  // The lines of a file, without white space around them; empty ones and those that begin with # are passed over.
  // Throws dcp::Error for a file without keys.
  static ApiKeys Load(const std::string& path, ToolIo& io);

  bool required() const { return !keys_.empty(); }

  // Whether the value of an Authorization header has one of them ("Bearer KEY"). Takes as long for a wrong key as for a
  // right one, whatever they have in common.
  bool Allows(std::string_view authorization) const;

 private:
  std::vector<std::string> keys_;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_SERVE_HTTP_API_KEYS_H_
