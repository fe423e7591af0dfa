// One picture of a short text: what every layer still holds of it at its end, and one drop shown by arrows.
#ifndef DCP_TOOLS_DCP_INSPECT_PICTURE_H_
#define DCP_TOOLS_DCP_INSPECT_PICTURE_H_

#include <string>

#include "dcp-inspect/drop_trace.h"

namespace dcp::tools {

// Longer texts make no picture that could be taken in at a glance.
inline constexpr size_t kPictureTokens = 200;

// A whole SVG file. Throws dcp::Error(kInvalidArgument) for a trace of more than kPictureTokens tokens.
std::string TracePicture(const DropTrace& trace);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_PICTURE_H_
