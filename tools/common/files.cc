#include "common/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <istream>
#include <sstream>
#include <vector>

#include "dcp/error.h"

namespace dcp::tools {
namespace {

// mkstemp makes files that only their owner may read; a result should be like any other new file.
mode_t DefaultMode() {
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

std::string ReadStream(std::istream& stream) {
  std::ostringstream content;
  if (stream.peek() != std::istream::traits_type::eof()) content << stream.rdbuf();
  return std::move(content).str();
}

}  // namespace

std::string DisplayName(const std::string& path) { return path == "-" ? "standard input" : path; }

std::string ReadAll(const std::string& path, ToolIo& io) {
  if (path == "-") {
    std::string content = ReadStream(io.in);
    if (io.interrupted) throw Interrupted{};
    return content;
  }
  if (std::error_code ignored; std::filesystem::is_directory(path, ignored)) {
    throw Error(ErrorCode::kIo, path + ": is a directory");
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string content;
  if (file) content = ReadStream(file);
  if (!file.is_open() || file.bad()) throw Error(ErrorCode::kIo, path + ": " + std::strerror(errno != 0 ? errno : EIO));
  return content;
}

OutputFile::OutputFile(const std::string& path) : path_(path), target_(path) {
  if (path.empty()) throw Error(ErrorCode::kInvalidArgument, "an output file needs a name");
  struct stat status = {};
  const bool exists = stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) Fail(EISDIR);
  if (exists && access(path.c_str(), W_OK) != 0) Fail(errno);
  if (exists && !S_ISREG(status.st_mode)) {
    fd_ = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd_ < 0) Fail(errno);
    return;
  }
  if (std::error_code failed; exists) {
    const auto canonical = std::filesystem::canonical(path, failed);
    if (!failed) target_ = canonical.string();
  }
  temporary_ = target_ + ".XXXXXX";
  fd_ = mkstemp(temporary_.data());
  if (fd_ < 0) Fail(errno);
  fchmod(fd_, exists ? status.st_mode & 07777 : DefaultMode());
}

OutputFile::~OutputFile() { Discard(); }

void OutputFile::Discard() {
  if (fd_ < 0) return;
  close(fd_);
  fd_ = -1;
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void OutputFile::Fail(int error) const {
  throw Error(ErrorCode::kIo, path_ + ": cannot be written: " + std::strerror(error));
}

void OutputFile::Commit(std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(fd_, content.data(), content.size());
    if (written >= 0) {
      content.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      Fail(errno);
    }
  }
  // Some file systems tell only now that the disk is full. Pipes and devices cannot be synchronised: EINVAL.
  if (fsync(fd_) != 0 && errno != EINVAL && errno != EROFS) Fail(errno);
  if (!temporary_.empty() && rename(temporary_.c_str(), target_.c_str()) != 0) Fail(errno);
  temporary_.clear();
  Discard();
}

}  // namespace dcp::tools
