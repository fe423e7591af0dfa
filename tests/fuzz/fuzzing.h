// What the fuzz targets share: what counts as a finding, and how bytes become the files of a directory.
#ifndef DCP_TESTS_FUZZ_FUZZING_H_
#define DCP_TESTS_FUZZ_FUZZING_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dcp/error.h"

namespace dcp::fuzz {

// Ends the program with `what` where something does not hold.
void Require(bool holds, const char* what);

// An error is for a user to read: one line, not empty and not endless, and no bug of the library's.
void CheckMessage(ErrorCode code, std::string_view message);

// Runs `work` and returns whether it took the input. It may refuse it with a dcp::Error; whatever else it throws ends
// the program.
template <typename Work>
bool Accepts(const Work& work) {
  try {
    work();
    return true;
  } catch (const Error& error) {
    CheckMessage(error.code(), error.what());
    return false;
  }
}

// The bytes that libFuzzer hands over. They are exactly as long as they seem: a read beyond them is seen.
inline std::string_view AsText(const uint8_t* data, size_t size) { return {reinterpret_cast<const char*>(data), size}; }

// Several files in one input: a line "=== NAME" before the content of each. The line feed before such a line belongs to
// neither file.
struct InputFile {
  std::string_view name;
  std::string_view content;
};
std::vector<InputFile> SplitFiles(std::string_view input);

// The inverse, for seeds.
std::string JoinFiles(const std::vector<std::pair<std::string, std::string>>& files);

// A directory in memory, where the system has one (/dev/shm), that takes the files of one input after the other. One
// for each process; removed at its end.
class InputDirectory {
 public:
  // Files of other names are not written.
  explicit InputDirectory(std::initializer_list<const char*> names);
  ~InputDirectory();
  InputDirectory(const InputDirectory&) = delete;
  InputDirectory& operator=(const InputDirectory&) = delete;

  // Makes the directory hold the files of this input and no others.
  void Fill(std::string_view input);

  const std::filesystem::path& path() const { return path_; }

 private:
  struct File {
    std::string name;
    std::string path;
    bool present = false;
    bool wanted = false;
  };

  std::filesystem::path path_;
  std::vector<File> files_;
};

// Takes numbers and ranges from the front of an input; zeros when it is used up.
class Choices {
 public:
  explicit Choices(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  uint8_t Byte();
  // 0 .. count - 1. REQUIRES: count > 0. Takes one byte up to 256, two beyond.
  size_t Below(size_t count);
  bool Flag() { return (Byte() & 1) != 0; }
  // Any number, special ones too.
  float Float();
  int32_t Int32();
  // All that is left.
  std::span<const uint8_t> Rest() { return std::exchange(bytes_, {}); }

 private:
  std::span<const uint8_t> bytes_;
};

}  // namespace dcp::fuzz

// What libFuzzer calls. Every target defines it, returning 0.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

#endif  // DCP_TESTS_FUZZ_FUZZING_H_
