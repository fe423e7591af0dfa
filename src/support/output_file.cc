#include "support/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "dcp/error.h"

namespace dcp {
namespace {

// mkstemp makes files that only their owner may read; a result should be like any other new file.
mode_t DefaultMode() {
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

// 0, or the error number. Some file systems tell only now that the disk is full.
int FlushToDisk(std::FILE* file) {
  if (std::fflush(file) != 0) return errno;
  // EINVAL: pipes and devices have nothing to synchronise.
  return fsync(fileno(file)) != 0 && errno != EINVAL && errno != EROFS ? errno : 0;
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
    file_ = std::fopen(path.c_str(), "wbe");
    if (file_ == nullptr) Fail(errno);
    return;
  }
  MakeTemporary(exists, status.st_mode);
}

void OutputFile::MakeTemporary(bool exists, unsigned mode) {
  if (std::error_code failed; exists) {
    const std::filesystem::path canonical = std::filesystem::canonical(path_, failed);
    if (!failed) target_ = canonical;
  }
  std::string name = target_.string() + ".XXXXXX";
  const int descriptor = mkstemp(name.data());
  if (descriptor < 0) Fail(errno);
  fchmod(descriptor, exists ? mode & 07777 : DefaultMode());
  temporary_ = std::move(name);
  file_ = fdopen(descriptor, "wb");
}

OutputFile::~OutputFile() {
  if (file_ != nullptr) std::fclose(file_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void OutputFile::Write(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;  // may have no address, which fwrite does not allow
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) Fail(errno);
}

void OutputFile::Write(std::string_view text) { Write(std::as_bytes(std::span(text))); }

void OutputFile::Commit() {
  if (const int error = FlushToDisk(file_)) Fail(error);
  if (std::fclose(std::exchange(file_, nullptr)) != 0) Fail(errno);
  if (temporary_.empty()) return;
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) Fail(errno);
  temporary_.clear();
  FlushDirectory(target_.parent_path());
}

void OutputFile::Commit(std::string_view text) {
  Write(text);
  Commit();
}

void OutputFile::Fail(int error) const {
  throw Error(ErrorCode::kIo, path_.string() + ": cannot be written: " + std::generic_category().message(error));
}

}  // namespace dcp
