#include "common/report_file.h"

#include "common/option_group.h"
#include "common/ranks/ranks.h"

namespace dcp::tools {

void AddJsonFile(const OptionGroup& add, std::optional<std::string>& file, const std::string& help) {
  add("--json", file, help, "FILE").MayLackValue("-");
}

ReportFile::ReportFile(const std::optional<std::string>& path, ToolIo& io) : io_(io), to_stdout_(path == "-") {
  if (path && !to_stdout_ && Ranks::Ours().first()) file_.emplace(*path);
}

void ReportFile::Commit(std::string_view content) {
  if (to_stdout_) {
    WriteOut(io_, content);
  } else {
    file_->Commit(content);
  }
}

}  // namespace dcp::tools
