#include "common/results_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "dcp/error.h"
#include "support/system_call.h"

namespace dcp::tools {

ResultsFile::ResultsFile(const std::string& path, bool resume) : path_(path) {
  file_ = Uninterrupted([&] { return open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666); });
  if (file_ < 0) Fail(errno);
  try {
    if (Uninterrupted([&] { return flock(file_, LOCK_EX | LOCK_NB); }) != 0) {
      if (errno != EWOULDBLOCK) Fail(errno);
      throw Error(ErrorCode::kIo, path + ": another process is writing it");
    }
    char block[1 << 16];
    ssize_t count = 0;
    while ((count = Uninterrupted([&] { return read(file_, block, sizeof block); })) > 0)
      content_.append(block, static_cast<size_t>(count));
    if (count < 0 && errno != EINVAL && errno != ESPIPE) Fail(errno);
    if (!content_.empty() && !resume) {
      throw Error(ErrorCode::kInvalidArgument, "--output " + path + ": holds " + std::to_string(content_.size()) +
                                                   " bytes already; --resume goes on with them");
    }
    const size_t whole = content_.rfind('\n') + 1;  // 0 where there is none
    if (whole < content_.size()) {
      content_.resize(whole);
      if (Uninterrupted([&] { return ftruncate(file_, static_cast<off_t>(whole)); }) != 0) Fail(errno);
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
  const size_t all = lines.size();
  while (!lines.empty()) {
    const ssize_t written = Uninterrupted([&] { return write(file_, lines.data(), lines.size()); });
    if (written < 0) {
      const int error = errno;
      CutOff(all - lines.size());
      Fail(error);
    }
    lines.remove_prefix(static_cast<size_t>(written));
  }
}

// What is there of lines that did not fit goes again, so that the file holds whole ones for whoever reads it next.
void ResultsFile::CutOff(size_t bytes) const {
  struct stat status = {};
  if (bytes == 0 || fstat(file_, &status) != 0 || status.st_size < static_cast<off_t>(bytes)) return;
  (void)!ftruncate(file_, status.st_size - static_cast<off_t>(bytes));
}

void ResultsFile::Flush() {
  if (Uninterrupted([&] { return fsync(file_); }) != 0 && errno != EINVAL && errno != EROFS) Fail(errno);
}

}  // namespace dcp::tools
