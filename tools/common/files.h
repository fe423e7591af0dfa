// Reading and writing whole files: what cannot be read or written is an error that names the path and the reason.
#ifndef DCP_TOOLS_COMMON_FILES_H_
#define DCP_TOOLS_COMMON_FILES_H_

#include <string>
#include <string_view>

#include "common/tool.h"

namespace dcp::tools {

// The bytes of a file; "-" is io.in. Throws dcp::Error(kIo), or Interrupted when Ctrl-C ended the wait for io.in.
std::string ReadAll(const std::string& path, ToolIo& io);

// `path` as messages name it: "standard input" for "-".
std::string DisplayName(const std::string& path);

// A file that appears whole or not at all. The constructor makes a temporary file beside the target, so that a place
// that cannot be written is known before the work is done; Commit writes it and renames it. Without Commit nothing is
// left behind. A target that exists and is no regular file (a pipe, /dev/null) is written in place.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path);  // throws dcp::Error(kIo)
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Throws dcp::Error(kIo), e.g. when the disk is full. Call once.
  void Commit(std::string_view content);

 private:
  void Discard();
  [[noreturn]] void Fail(int error) const;

  std::string path_;       // as given, for messages
  std::string target_;     // with symbolic links followed
  std::string temporary_;  // empty: written in place
  int fd_ = -1;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_FILES_H_
