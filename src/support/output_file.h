// Files that appear whole or not at all. For tools only: libdcp itself writes no files.
#ifndef DCP_SUPPORT_OUTPUT_FILE_H_
#define DCP_SUPPORT_OUTPUT_FILE_H_

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace dcp {

// The constructor makes a temporary file beside the target, so that a place that cannot be written is known before the
// work is done; Commit() puts it in place, replacing what was there with its permissions kept and symbolic links
// followed. Destroyed without a Commit() that returned, it leaves the target as it was and no temporary file. A target
// that exists and is no regular file (a pipe, /dev/null) is written in place. Every method throws Error(kIo) naming the
// path and what the system said. Not for use by two threads at once.
class OutputFile {
 public:
  explicit OutputFile(const std::filesystem::path& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void Write(std::span<const std::byte> bytes);
  void Write(std::string_view text);

  // Flushes to the disk, closes and renames. REQUIRES: not called before.
  void Commit();

  // Writes the text and commits.
  void Commit(std::string_view text);

 private:
  void MakeTemporary(bool exists, unsigned mode);
  [[noreturn]] void Fail(int error) const;

  std::filesystem::path path_;    // as given, for messages
  std::filesystem::path target_;  // with symbolic links followed
  std::string temporary_;         // empty: written in place, or committed
  int file_ = -1;                 // -1 once closed
};

// Removes what processes that were killed have left in `directory` of files of these names: NAME.XXXXXX. For a
// directory that one process alone writes to. What cannot be removed stays.
void RemoveAbandonedFiles(const std::filesystem::path& directory, std::span<const std::string> names);

}  // namespace dcp

#endif  // DCP_SUPPORT_OUTPUT_FILE_H_
