// The page at /.
#ifndef DCP_TOOLS_DCP_SERVE_PAGE_SERVE_PAGE_H_
#define DCP_TOOLS_DCP_SERVE_PAGE_SERVE_PAGE_H_

#include <string>

#include "dcp-serve/engine.h"

namespace dcp::tools {

// `keys`: the page has to ask for an API key.
std::string ServePage(const std::string& model, const Engine& engine, bool keys);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_SERVE_PAGE_SERVE_PAGE_H_
