// Token ids as they are given: "1,2,3" on a command line, [1, 2, 3] in JSON.
#ifndef DCP_TOOLS_COMMON_ID_LIST_H_
#define DCP_TOOLS_COMMON_ID_LIST_H_

#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"
#include "dcp/types.h"

namespace dcp::tools {

// Without spaces, tabs and line ends around it.
std::string_view Trim(std::string_view text);

// Throws dcp::Error(kInvalidArgument) beginning with `name` when `text` is not a whole number.
TokenId ParseId(std::string_view text, const std::string& name);

// Spaces around the numbers are allowed; an empty text is an empty list. Throws as ParseId does.
std::vector<TokenId> ParseIdList(std::string_view text, const std::string& name);

// Throws dcp::Error(kInvalidArgument) beginning with `name` unless `array` is a JSON array of ids, 0 or more each.
std::vector<TokenId> IdsOfJson(const Json& array, const std::string& name);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_ID_LIST_H_
