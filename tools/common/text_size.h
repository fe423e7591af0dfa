// How long a text is, in units that do not depend on a tokenizer.
#ifndef DCP_TOOLS_COMMON_TEXT_SIZE_H_
#define DCP_TOOLS_COMMON_TEXT_SIZE_H_

#include <cstddef>
#include <string_view>

namespace dcp::tools {

struct TextSize {
  size_t bytes = 0;
  size_t characters = 0;  // code points; every byte of broken UTF-8 that does not continue a character counts as one
  size_t words = 0;       // as lm-evaluation-harness counts them: runs of white space, and 1 more

  TextSize& operator+=(const TextSize& other);
};

TextSize SizeOf(std::string_view text);

// White space of Unicode, as Python counts it.
bool IsSpace(char32_t point);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_TEXT_SIZE_H_
