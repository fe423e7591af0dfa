// The few rules of Python's strings that the published scoring of tasks rests on. UTF-8 in, UTF-8 out.
#ifndef DCP_TOOLS_DCP_EVAL_SCORING_TEXT_RULES_H_
#define DCP_TOOLS_DCP_EVAL_SCORING_TEXT_RULES_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace dcp::tools {

// str.rstrip() and str.strip(): without the white space of Unicode, as Python counts it, at the end, at both ends.
std::string_view StripRight(std::string_view text);
std::string_view Strip(std::string_view text);

// str.capitalize(): the first letter in upper case, all the others in lower case. Knows the letters of Latin (up to
// U+017F), Greek and Cyrillic that have one counterpart each; whatever else stays as it is.
std::string Capitalize(std::string_view text);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SCORING_TEXT_RULES_H_
