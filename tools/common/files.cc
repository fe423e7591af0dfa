#include "common/files.h"

#include <filesystem>
#include <istream>
#include <sstream>
#include <utility>

#include "dcp/error.h"
#include "support/files.h"

namespace dcp::tools {

std::string DisplayName(const std::string& path) { return path == "-" ? "standard input" : path; }

std::string_view AsText(std::string_view text, const std::string& path) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF", kUtf16 = "\xFF\xFE", kUtf16Big = "\xFE\xFF";
  if (text.starts_with(kUtf16) || text.starts_with(kUtf16Big)) {
    throw Error(ErrorCode::kInvalidArgument, DisplayName(path) + ": begins with the mark of UTF-16, expected UTF-8; " +
                                                 "iconv -f UTF-16 -t UTF-8 converts it");
  }
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos) {
    throw Error(ErrorCode::kInvalidArgument, DisplayName(path) + ": byte " + std::to_string(zero) +
                                                 " is 0, as in binary files and in UTF-16, expected UTF-8 text");
  }
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  return text;
}

std::string ReadText(const std::string& path, ToolIo& io) {
  const std::string bytes = ReadAll(path, io);
  return std::string(AsText(bytes, path));
}

std::string FolderName(const std::string& path) {
  return std::filesystem::path(path + "/").lexically_normal().parent_path().filename().string();
}

std::string ReadAll(const std::string& path, ToolIo& io) {
  if (path != "-") {
    try {
      return ReadFile(path);
    } catch (const Error&) {
      if (io.interrupted) throw Interrupted{};  // it waited for whoever writes to a pipe
      throw;
    }
  }
  std::ostringstream content;
  if (io.in.peek() != std::istream::traits_type::eof()) content << io.in.rdbuf();
  if (io.interrupted) throw Interrupted{};
  return std::move(content).str();
}

}  // namespace dcp::tools
