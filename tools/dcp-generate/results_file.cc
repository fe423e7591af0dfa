#include "dcp-generate/results_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "dcp/error.h"

namespace dcp::tools {

ResultsFile::ResultsFile(const std::string& path, bool resume) : path_(path) {
  file_ = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file_ < 0) Fail(errno);
  try {
    if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) Fail(errno);
      throw Error(ErrorCode::kIo, path + ": another process is writing it");
    }
    char block[1 << 16];
    ssize_t count = 0;
    while ((count = read(file_, block, sizeof block)) > 0) content_.append(block, static_cast<size_t>(count));
    if (count < 0 && errno != EINVAL && errno != ESPIPE) Fail(errno);
    if (!content_.empty() && !resume) {
      throw Error(ErrorCode::kInvalidArgument, "--output " + path + ": holds " + std::to_string(content_.size()) +
                                                   " bytes already; --resume goes on with them");
    }
    const size_t whole = content_.rfind('\n') + 1;  // 0 where there is none
    if (whole < content_.size()) {
      content_.resize(whole);
      if (ftruncate(file_, static_cast<off_t>(whole)) != 0) Fail(errno);
    }
  } catch (...) {
    close(file_);
    throw;
  }
}

ResultsFile::~ResultsFile() { close(file_); }

void ResultsFile::Fail(int error) const {
  throw Error(ErrorCode::kIo, path_ + ": " + std::system_category().message(error));
}

void ResultsFile::Append(std::string_view lines) {
  while (!lines.empty()) {
    const ssize_t written = write(file_, lines.data(), lines.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) Fail(errno);
    lines.remove_prefix(static_cast<size_t>(written));
  }
}

void ResultsFile::Flush() {
  if (fsync(file_) != 0 && errno != EINVAL && errno != EROFS) Fail(errno);
}

}  // namespace dcp::tools
