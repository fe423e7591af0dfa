#include "support/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>
#include <vector>

#include "dcp/error.h"
#include "support/system_call.h"

namespace dcp {
namespace {

// mkstemp makes files that only their owner may read; a result should be like any other new file.
mode_t DefaultMode() {
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

// So that the new name survives a power cut as well. The file is complete either way, hence no error.
void FlushDirectory(const std::filesystem::path& directory) {
  const int descriptor = open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  (void)fsync(descriptor);
  close(descriptor);
}

}  // namespace

OutputFile::OutputFile(const std::filesystem::path& path) : path_(path), target_(path) {
  if (path.empty()) throw Error(ErrorCode::kInvalidArgument, "an output file needs a name");
  struct stat status = {};
  const bool exists = stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) Fail(EISDIR);
  if (exists && access(path.c_str(), W_OK) != 0) Fail(errno);
  if (exists && !S_ISREG(status.st_mode)) {
    file_ = open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (file_ < 0) Fail(errno);
    return;
  }
  MakeTemporary(exists, status.st_mode);
}

void OutputFile::MakeTemporary(bool exists, unsigned mode) {
  if (std::error_code failed; exists) {
    const std::filesystem::path canonical = std::filesystem::canonical(path_, failed);
    if (!failed) target_ = canonical;
  }
  std::string name;
  file_ = Uninterrupted([&] {
    name = target_.string() + ".XXXXXX";
    return mkostemp(name.data(), O_CLOEXEC);
  });
  if (file_ < 0) Fail(errno);
  fchmod(file_, exists ? mode & 07777 : DefaultMode());
  temporary_ = std::move(name);
}

OutputFile::~OutputFile() {
  if (file_ >= 0) close(file_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

// A signal is no reason to lose a file; but whoever waits at a pipe that nobody reads is to hear of Ctrl-C.
void OutputFile::Write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto call = [&] { return write(file_, bytes.data(), bytes.size()); };
    const ssize_t written = temporary_.empty() ? call() : Uninterrupted(call);
    if (written < 0) Fail(errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void OutputFile::Write(std::string_view text) { Write(std::as_bytes(std::span(text))); }

void OutputFile::Commit() {
  // Some file systems tell only now that the disk is full. EINVAL: pipes and devices have nothing to synchronise.
  const bool flushed = Uninterrupted([&] { return fsync(file_); }) == 0;
  if (!flushed && errno != EINVAL && errno != EROFS) Fail(errno);
  // Closed it is, also where a signal comes between.
  if (close(std::exchange(file_, -1)) != 0 && errno != EINTR) Fail(errno);
  if (temporary_.empty()) return;
  if (Uninterrupted([&] { return std::rename(temporary_.c_str(), target_.c_str()); }) != 0) Fail(errno);
  temporary_.clear();
  FlushDirectory(target_.parent_path());
}

void OutputFile::Commit(std::string_view text) {
  Write(text);
  Commit();
}

void RemoveAbandonedFiles(const std::filesystem::path& directory, std::span<const std::string> names) {
  std::error_code ignored;
  std::filesystem::directory_iterator entries(directory, ignored);
  std::vector<std::filesystem::path> abandoned;
  for (; !ignored && entries != std::filesystem::directory_iterator(); entries.increment(ignored)) {
    const std::filesystem::path& path = entries->path();
    const bool temporary = path.extension().string().size() == 7;
    if (temporary && std::ranges::find(names, path.stem().string()) != names.end()) abandoned.push_back(path);
  }
  for (const auto& path : abandoned) std::filesystem::remove(path, ignored);
}

void OutputFile::Fail(int error) const {
  throw Error(ErrorCode::kIo, path_.string() + ": cannot be written: " + std::generic_category().message(error));
}

}  // namespace dcp
