// Files that appear whole or not at all.
#ifndef DCP_IO_ATOMIC_FILE_H_
#define DCP_IO_ATOMIC_FILE_H_

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string_view>

namespace dcp {

// Writes to a temporary name beside `path`; Commit() puts it in place, replacing what was there. Destroyed without a
// Commit() that returned, it leaves the target as it was and no temporary file. Every method throws Error(kIo) naming
// the path and what the system said. Not for use by two threads at once.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void Write(std::span<const std::byte> bytes);
  void Write(std::string_view text);

  // Flushes to the disk, closes and renames. REQUIRES: not called before.
  void Commit();

 private:
  [[noreturn]] void Fail(const char* what, int error) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::FILE* file_ = nullptr;  // null once closed
  bool committed_ = false;
};

}  // namespace dcp

#endif  // DCP_IO_ATOMIC_FILE_H_
