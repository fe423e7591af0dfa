// A file without a name that holds blocks of bytes for a while: what memory is too small for.
#ifndef DCP_CACHE_SPOOL_FILE_H_
#define DCP_CACHE_SPOOL_FILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dcp {

// Blocks of one size. No directory entry leads to the file, so that nothing is left of it however the process ends;
// only who opened it can read it. Every block carries a checksum: what comes back is what was written, or an error.
// Used by one thread at a time.
class SpoolFile {
 public:
  // Makes the file on the disk of `directory`. Throws Error(kIo) naming the directory.
  SpoolFile(const std::string& directory, size_t block_bytes);
  ~SpoolFile();
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;

  // Writes block_bytes from each address; returns where they are. Throws Error(kIo) for a disk that is full or fails;
  // nothing is held then that was not before.
  std::vector<size_t> Write(std::span<const std::byte* const> blocks);

  // Reads blocks one after the other. Throws Error(kIo) where they cannot be read, or are not what was written.
  void Read(std::span<const size_t> places, std::byte* to) const;

  // Gives the room back; that of the whole file once nothing is in it.
  void Free(std::span<const size_t> places) noexcept;

  // In blocks that are held.
  size_t bytes() const { return (checksums_.size() - free_.size()) * block_bytes_; }

 private:
  void MakeRoom(size_t blocks);
  [[noreturn]] void Fail(int error) const;

  const std::string directory_;
  const size_t block_bytes_;
  int file_ = -1;
  std::vector<uint64_t> checksums_;  // by place
  std::vector<size_t> free_;         // places
};

}  // namespace dcp

#endif  // DCP_CACHE_SPOOL_FILE_H_
