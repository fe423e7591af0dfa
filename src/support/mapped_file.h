// The bytes of a file, read-only.
#ifndef DCP_SUPPORT_MAPPED_FILE_H_
#define DCP_SUPPORT_MAPPED_FILE_H_

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace dcp {

// Owns a memory map of a whole file, or a copy of it where the system or the file system has no maps. Views die with
// the object; moving keeps them alive. Reading is safe from several threads. A file of any size will do, an empty one
// has no bytes. Someone else shortening the file meanwhile is outside of what a map can survive.
class MappedFile {
 public:
  enum class Access {
    kMap,   // map where possible, else copy
    kCopy,  // always copy
  };

  // Throws Error(kIo) naming the file and what the system said; a directory, a pipe or a device is an error, too.
  static MappedFile Open(const std::filesystem::path& path, Access access = Access::kMap);

  // Bytes that are in memory already, as if they were a file's. They belong to the caller and must outlive this.
  static MappedFile Of(std::span<const std::byte> bytes);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

  // Tells the system that `part` of bytes() will not be needed soon, so that pages once read do not count as memory of
  // this process any longer. Views stay valid: another read brings the pages back.
  void Forget(std::span<const std::byte> part) const;

 private:
  MappedFile() = default;

  void Copy(const std::filesystem::path& path, size_t size);

  std::span<const std::byte> bytes_;
  std::vector<std::byte> copy_;  // what bytes_ views when not mapped
  bool mapped_ = false;
};

}  // namespace dcp

#endif  // DCP_SUPPORT_MAPPED_FILE_H_
