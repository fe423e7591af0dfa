// What tests ask of every SVG document.
#ifndef DCP_TESTS_TOOLS_SVG_CHECK_H_
#define DCP_TESTS_TOOLS_SVG_CHECK_H_

#include <string>

namespace dcp::tools {

// Expects tags to open and close in order, attributes to be quoted, and nothing but entities after an ampersand.
void ExpectWellFormed(const std::string& svg);

}  // namespace dcp::tools

#endif  // DCP_TESTS_TOOLS_SVG_CHECK_H_
