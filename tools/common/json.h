// JSON as the tools write it: fields in the order in which they were added, always valid.
#ifndef DCP_TOOLS_COMMON_JSON_H_
#define DCP_TOOLS_COMMON_JSON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace dcp::tools {

using Json = nlohmann::ordered_json;

// The document on one line, newline included. Numbers read back as the same double; what is not finite becomes null.
// Generated text may hold bytes that are not UTF-8, which JSON cannot carry: each becomes U+FFFD. (Ids are exact.)
std::string Dump(const Json& document);

// The double that prints as the shortest decimal (at most 9 digits) that reads back as `value`: 0.1f becomes 0.1, not
// 0.10000000149011612.
double ShortestDouble(float value);

// Throws dcp::Error(kInvalidArgument) beginning with `source` when `text` is not one JSON value.
Json ParseJson(std::string_view text, const std::string& source);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_JSON_H_
