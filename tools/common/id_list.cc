#include "common/id_list.h"

#include <charconv>

#include "common/option_group.h"
#include "support/escape.h"

namespace dcp::tools {

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

TokenId ParseId(std::string_view text, const std::string& name) {
  TokenId id = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    throw Error(ErrorCode::kInvalidArgument, name + ": " + Quote(text) + " is not a token id");
  }
  return id;
}

std::vector<TokenId> ParseIdList(std::string_view text, const std::string& name) {
  std::vector<TokenId> ids;
  if (Trim(text).empty()) return ids;
  for (const std::string& entry : SplitList(text)) ids.push_back(ParseId(Trim(entry), name));
  return ids;
}

}  // namespace dcp::tools
