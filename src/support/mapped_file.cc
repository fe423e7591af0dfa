#include "support/mapped_file.h"

#include <cerrno>
#include <fstream>
#include <limits>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "dcp/error.h"
#include "support/system_call.h"

#if __has_include(<sys/mman.h>)
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#define DCP_HAS_MMAP 1
#else
#define DCP_HAS_MMAP 0
#endif

namespace dcp {
namespace {

[[noreturn]] void Fail(const std::filesystem::path& path, const std::string& what) {
  throw Error(ErrorCode::kIo, path.string() + ": " + what);
}

// Size of a regular file. Asked before opening, as opening a pipe would wait for its writer.
size_t RegularFileSize(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    Fail(path,
         "cannot open: " + (error ? error : std::make_error_code(std::errc::no_such_file_or_directory)).message());
  }
  if (std::filesystem::is_directory(status)) Fail(path, "is a directory, expected a file");
  if (!std::filesystem::is_regular_file(status)) Fail(path, "is not a regular file");
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) Fail(path, "cannot open: " + error.message());
  if (size > std::numeric_limits<size_t>::max() / 2) {
    Fail(path, "has " + std::to_string(size) + " bytes, more than this system can address");
  }
  return static_cast<size_t>(size);
}

#if DCP_HAS_MMAP
// Null when the file system does not do maps.
const std::byte* Map(const std::filesystem::path& path, size_t size) {
  const int descriptor = Uninterrupted([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC); });
  if (descriptor < 0) Fail(path, "cannot open: " + std::generic_category().message(errno));
  void* address = MAP_FAILED;
  do {
    address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  } while (address == MAP_FAILED && errno == EINTR);
  const int error = errno;
  close(descriptor);  // the map stays
  if (address != MAP_FAILED) return static_cast<const std::byte*>(address);
  if (error == ENOMEM) {
    throw Error(ErrorCode::kOutOfMemory, path.string() + ": cannot map " + std::to_string(size) + " bytes");
  }
  if (error != ENODEV) Fail(path, "cannot map: " + std::generic_category().message(error));
  return nullptr;
}
#endif

}  // namespace

MappedFile MappedFile::Open(const std::filesystem::path& path, [[maybe_unused]] Access access) {
  MappedFile file;
  const size_t size = RegularFileSize(path);
#if DCP_HAS_MMAP
  if (size > 0 && access == Access::kMap) {
    if (const std::byte* const address = Map(path, size)) {
      file.bytes_ = {address, size};
      file.mapped_ = true;
      return file;
    }
  }
#endif
  file.Copy(path, size);
  return file;
}

MappedFile MappedFile::Of(std::span<const std::byte> bytes) {
  MappedFile file;
  file.bytes_ = bytes;
  return file;
}

void MappedFile::Copy(const std::filesystem::path& path, size_t size) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) Fail(path, "cannot open: " + std::generic_category().message(errno));
  try {
    copy_.resize(size);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kOutOfMemory, path.string() + ": cannot hold " + std::to_string(size) + " bytes");
  }
  in.read(reinterpret_cast<char*>(copy_.data()), static_cast<std::streamsize>(size));
  if (static_cast<size_t>(in.gcount()) != size) {
    Fail(path, "cannot read: got " + std::to_string(in.gcount()) + " of " + std::to_string(size) + " bytes");
  }
  bytes_ = copy_;
}

void MappedFile::Forget([[maybe_unused]] std::span<const std::byte> part) const {
#if DCP_HAS_MMAP
  if (!mapped_) return;
  // Whole pages only: the first and the last may hold something else.
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<size_t>(part.data() - bytes_.data());
  const size_t begin = (offset + page - 1) / page * page;
  const size_t end = (offset + part.size()) / page * page;
  if (begin < end) (void)madvise(const_cast<std::byte*>(bytes_.data() + begin), end - begin, MADV_DONTNEED);
#endif
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})),
      copy_(std::move(other.copy_)),
      mapped_(std::exchange(other.mapped_, false)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  // What was held here leaves with `other`.
  std::swap(bytes_, other.bytes_);
  std::swap(copy_, other.copy_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

MappedFile::~MappedFile() {
#if DCP_HAS_MMAP
  if (mapped_) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
#endif
}

}  // namespace dcp
