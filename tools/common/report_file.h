// The files that a run is asked to write.
#ifndef DCP_TOOLS_COMMON_REPORT_FILE_H_
#define DCP_TOOLS_COMMON_REPORT_FILE_H_

#include <optional>
#include <string>
#include <string_view>

#include "common/files.h"
#include "common/tool.h"

namespace dcp::tools {

class OptionGroup;  // common/option_group.h

// --json [FILE] of tools whose report is a table: without a FILE, and for "-", standard output.
void AddJsonFile(const OptionGroup& add, std::optional<std::string>& file, const std::string& help);

// One output of a run, opened before the work is done: a file that appears whole or not at all, standard output for
// "-", or nothing where none was asked for. Of several ranks the first writes.
class ReportFile {
 public:
  ReportFile(const std::optional<std::string>& path, ToolIo& io);  // throws dcp::Error(kIo)

  // There is something to write.
  explicit operator bool() const { return to_stdout_ || file_; }
  bool to_stdout() const { return to_stdout_; }

  // Throws dcp::Error(kIo). Call once. REQUIRES: there is something to write.
  void Commit(std::string_view content);

 private:
  ToolIo& io_;
  bool to_stdout_;
  std::optional<OutputFile> file_;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_REPORT_FILE_H_
