// One picture of a passage: what every layer still holds of it at the end of the text, and one drop shown by arrows.
#ifndef DCP_TOOLS_DCP_INSPECT_TRACE_PICTURE_H_
#define DCP_TOOLS_DCP_INSPECT_TRACE_PICTURE_H_

#include <optional>
#include <string>

#include "dcp-inspect/trace/summary.h"

namespace dcp::tools {

// Longer passages make no picture that could be taken in at a glance.
inline constexpr size_t kPictureTokens = 200;

// The tokens that a picture shows.
struct Passage {
  size_t first = 0;
  size_t last = 0;
};

// "FIRST-LAST" of a text of `tokens` tokens; all of them when there is no such text. Throws
// dcp::Error(kInvalidArgument) unless FIRST <= LAST < tokens and the passage has at most kPictureTokens.
Passage ParsePassage(const std::optional<std::string>& text, size_t tokens);

// A whole SVG file: the passage as each layer holds it at the end of the trace.
std::string TracePicture(const NamedTrace& trace, const Passage& passage);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_TRACE_PICTURE_H_
