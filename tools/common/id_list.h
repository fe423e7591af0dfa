// Token ids as a command line gives them: "1,2,3".
#ifndef DCP_TOOLS_COMMON_ID_LIST_H_
#define DCP_TOOLS_COMMON_ID_LIST_H_

#include <string>
#include <string_view>
#include <vector>

#include "dcp/types.h"

namespace dcp::tools {

// Without spaces, tabs and line ends around it.
std::string_view Trim(std::string_view text);

// Throws dcp::Error(kInvalidArgument) beginning with `name` when `text` is not a whole number.
TokenId ParseId(std::string_view text, const std::string& name);

// Spaces around the numbers are allowed; an empty text is an empty list. Throws as ParseId does.
std::vector<TokenId> ParseIdList(std::string_view text, const std::string& name);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_ID_LIST_H_
