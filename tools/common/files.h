// Whole files as tools name them; what cannot be read is an error that names the path and the reason.
#ifndef DCP_TOOLS_COMMON_FILES_H_
#define DCP_TOOLS_COMMON_FILES_H_

#include <string>

#include "common/tool.h"
#include "support/output_file.h"  // what tools write

namespace dcp::tools {

// The bytes of a file; "-" is io.in. Throws dcp::Error(kIo), or Interrupted when Ctrl-C ended the wait for io.in.
std::string ReadAll(const std::string& path, ToolIo& io);

// The last folder of a path, whether or not it ends with a slash.
std::string FolderName(const std::string& path);

// `path` as messages name it: "standard input" for "-".
std::string DisplayName(const std::string& path);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_FILES_H_
