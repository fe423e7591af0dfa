#include "cache/spool_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "dcp/error.h"
#include "support/hash.h"
#include "support/system_call.h"

namespace dcp {
namespace {

// Not every file system makes files without names: there the name goes at once.
int OpenUnnamed(const std::string& directory) {
  const int file = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return file;
  std::string name = directory + "/.dcp-spool-XXXXXX";
  const int named = mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) unlink(name.c_str());
  return named;
}

// The error, or 0. A call may take less than it was given.
int WriteAll(int file, const std::byte* data, size_t size, size_t at) {
  for (size_t done = 0; done < size;) {
    const ssize_t count =
        Uninterrupted([&] { return pwrite(file, data + done, size - done, static_cast<off_t>(at + done)); });
    if (count < 0) return errno;
    done += static_cast<size_t>(count);
  }
  return 0;
}

int ReadAll(int file, std::byte* data, size_t size, size_t at) {
  for (size_t done = 0; done < size;) {
    const ssize_t count =
        Uninterrupted([&] { return pread(file, data + done, size - done, static_cast<off_t>(at + done)); });
    if (count <= 0) return count < 0 ? errno : EIO;
    done += static_cast<size_t>(count);
  }
  return 0;
}

}  // namespace

SpoolFile::SpoolFile(const std::string& directory, size_t block_bytes)
    : directory_(directory), block_bytes_(block_bytes), file_(OpenUnnamed(directory)) {
  if (file_ < 0) Fail(errno);
}

SpoolFile::~SpoolFile() { close(file_); }

void SpoolFile::Fail(int error) const {
  throw Error(ErrorCode::kIo, "spool in " + directory_ + ": " + std::system_category().message(error));
}

// Room is taken before it is written to: a disk that is full is known then, also where it writes later.
void SpoolFile::MakeRoom(size_t blocks) {
  if (blocks <= free_.size()) return;
  const size_t more = blocks - free_.size(), begin = checksums_.size();
  checksums_.reserve(begin + more);
  free_.reserve(begin + more);  // Free() allocates nothing
  const int error =
      posix_fallocate(file_, static_cast<off_t>(begin * block_bytes_), static_cast<off_t>(more * block_bytes_));
  if (error != 0) {
    // What it got before the disk was full.
    if (ftruncate(file_, static_cast<off_t>(begin * block_bytes_)) != 0) Fail(errno);
    Fail(error);
  }
  checksums_.resize(begin + more);
  for (size_t i = more; i-- > 0;) free_.push_back(begin + i);
}

std::vector<size_t> SpoolFile::Write(std::span<const std::byte* const> blocks) {
  std::vector<size_t> places;
  places.reserve(blocks.size());
  MakeRoom(blocks.size());
  for (const std::byte* const block : blocks) {
    places.push_back(free_.back());
    free_.pop_back();
    checksums_[places.back()] = WordHash(kFnvBasis, block, block_bytes_);
    if (const int error = WriteAll(file_, block, block_bytes_, places.back() * block_bytes_)) {
      Free(places);
      Fail(error);
    }
  }
  return places;
}

void SpoolFile::Read(std::span<const size_t> places, std::byte* to) const {
  for (const size_t place : places) {
    if (const int error = ReadAll(file_, to, block_bytes_, place * block_bytes_)) Fail(error);
    if (WordHash(kFnvBasis, to, block_bytes_) != checksums_[place]) {
      throw Error(ErrorCode::kIo, "spool in " + directory_ + ": the disk gave back other bytes than were written");
    }
    to += block_bytes_;
  }
}

void SpoolFile::Free(std::span<const size_t> places) noexcept {
  free_.insert(free_.end(), places.begin(), places.end());
  if (free_.size() < checksums_.size() || ftruncate(file_, 0) != 0) return;
  checksums_.clear();
  free_.clear();
}

}  // namespace dcp
