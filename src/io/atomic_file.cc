#include "io/atomic_file.h"

#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "dcp/error.h"

#if __has_include(<unistd.h>)
#include <fcntl.h>
#include <unistd.h>
#define DCP_POSIX 1
#else
#define DCP_POSIX 0
#endif

namespace dcp {
namespace {

// Differs between the processes and the threads that may write the same file.
std::filesystem::path TemporaryBeside(const std::filesystem::path& path) {
  static std::atomic<unsigned> counter{0};
#if DCP_POSIX
  const std::string process = std::to_string(getpid());
#else
  const std::string process = "0";
#endif
  std::filesystem::path temporary = path;
  temporary += "." + process + "-" + std::to_string(counter++) + ".tmp";
  return temporary;
}

// 0, or the error number.
int FlushToDisk(std::FILE* file) {
  if (std::fflush(file) != 0) return errno;
#if DCP_POSIX
  // EINVAL: the file system has nothing to synchronise.
  if (fsync(fileno(file)) != 0 && errno != EINVAL) return errno;
#endif
  return 0;
}

// So that the new name survives a power cut as well. The file is complete either way, hence no error.
void FlushDirectory([[maybe_unused]] const std::filesystem::path& directory) {
#if DCP_POSIX
  const int descriptor = open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  (void)fsync(descriptor);
  close(descriptor);
#endif
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path), temporary_(TemporaryBeside(path)) {
  file_ = std::fopen(temporary_.string().c_str(), "wbx");
  if (file_ == nullptr) Fail("cannot create", errno);
}

AtomicFile::~AtomicFile() {
  if (file_ != nullptr) std::fclose(file_);
  std::error_code ignored;
  if (!committed_) std::filesystem::remove(temporary_, ignored);
}

void AtomicFile::Write(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;  // may have no address, which fwrite does not allow
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) Fail("cannot write", errno);
}

void AtomicFile::Write(std::string_view text) { Write(std::as_bytes(std::span(text))); }

void AtomicFile::Commit() {
  if (const int error = FlushToDisk(file_)) Fail("cannot write", error);
  if (std::fclose(std::exchange(file_, nullptr)) != 0) Fail("cannot write", errno);
  std::error_code error;
  std::filesystem::rename(temporary_, path_, error);
  if (error) Fail("cannot replace", error.value());
  committed_ = true;
  FlushDirectory(path_.parent_path());
}

void AtomicFile::Fail(const char* what, int error) const {
  throw Error(ErrorCode::kIo, path_.string() + ": " + what + ": " + std::generic_category().message(error));
}

}  // namespace dcp
