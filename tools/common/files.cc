#include "common/files.h"

#include <filesystem>
#include <istream>
#include <sstream>
#include <utility>

#include "support/files.h"

namespace dcp::tools {

std::string DisplayName(const std::string& path) { return path == "-" ? "standard input" : path; }

std::string FolderName(const std::string& path) {
  return std::filesystem::path(path + "/").lexically_normal().parent_path().filename().string();
}

std::string ReadAll(const std::string& path, ToolIo& io) {
  if (path != "-") return ReadFile(path);
  std::ostringstream content;
  if (io.in.peek() != std::istream::traits_type::eof()) content << io.in.rdbuf();
  if (io.interrupted) throw Interrupted{};
  return std::move(content).str();
}

}  // namespace dcp::tools
