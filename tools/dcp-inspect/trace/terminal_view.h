// The trace as text: what is kept stands out, what is forgotten fades; then a bar for each layer.
#ifndef DCP_TOOLS_DCP_INSPECT_TRACE_TERMINAL_VIEW_H_
#define DCP_TOOLS_DCP_INSPECT_TRACE_TERMINAL_VIEW_H_

#include <string>

#include "dcp-inspect/trace/summary.h"

namespace dcp::tools {

// With `color`, ANSI codes: bold, plain, dim, dim grey as more layers drop a token. Without, [brackets] around what at
// least half of the layers dropped and {braces} around what all did.
std::string TerminalView(const NamedTrace& trace, bool color);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_TRACE_TERMINAL_VIEW_H_
