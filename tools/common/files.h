// Whole files as tools name them; what cannot be read is an error that names the path and the reason.
#ifndef DCP_TOOLS_COMMON_FILES_H_
#define DCP_TOOLS_COMMON_FILES_H_

#include <string>
#include <string_view>

#include "common/tool.h"
#include "support/output_file.h"  // what tools write

namespace dcp::tools {

// The bytes of a file; "-" is io.in. Throws dcp::Error(kIo), or Interrupted when Ctrl-C ended the wait for io.in or a
// pipe.
std::string ReadAll(const std::string& path, ToolIo& io);

// What is in such a file, as text: without a byte-order mark of UTF-8. Throws dcp::Error(kInvalidArgument) naming it
// for UTF-16, UTF-32 and what is no text at all. Bytes that are not UTF-8 pass: old texts are Latin-1, and a byte-level
// tokenizer takes any.
std::string_view AsText(std::string_view bytes, const std::string& path);

// Both: the text of a file. Throws as they do.
std::string ReadText(const std::string& path, ToolIo& io);

// The last folder of a path, whether or not it ends with a slash.
std::string FolderName(const std::string& path);

// `path` as messages name it: "standard input" for "-".
std::string DisplayName(const std::string& path);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_FILES_H_
