#include "tests/fuzz/fuzzing.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace dcp::fuzz {
namespace {

constexpr std::string_view kMark = "=== ";

// Names, values and reasons are shortened before they go into a message; this is generous.
constexpr size_t kLongestMessage = 4096;

void WriteFile(const std::string& path, std::string_view content) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  Require(file >= 0, "the input's file can be made");
  Require(write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size()), "and written");
  close(file);
}

std::filesystem::path MakeDirectory() {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code error;
  const auto top = std::filesystem::is_directory(memory, error) ? memory : std::filesystem::temp_directory_path();
  std::string path = (top / "dcp-fuzz-XXXXXX").string();
  Require(mkdtemp(path.data()) != nullptr, "a directory for inputs can be made");
  return path;
}

}  // namespace

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

void CheckMessage(ErrorCode code, std::string_view message) {
  const bool good = code != ErrorCode::kInternal && !message.empty() && message.size() <= kLongestMessage &&
                    message.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
  if (good) return;
  std::fprintf(stderr, "error %d of %zu bytes: %.*s\n", static_cast<int>(code), message.size(),
               static_cast<int>(message.size()), message.data());
  std::abort();
}

std::vector<InputFile> SplitFiles(std::string_view input) {
  std::vector<InputFile> files;
  const std::string between = "\n" + std::string(kMark);
  size_t begin = input.starts_with(kMark) ? 0 : input.find(between) + 1;  // npos + 1 is 0
  while (input.substr(begin).starts_with(kMark)) {
    const size_t line_end = std::min(input.find('\n', begin), input.size());
    const std::string_view name = input.substr(begin + kMark.size(), line_end - begin - kMark.size());
    const size_t content = std::min(line_end + 1, input.size());
    const size_t next = line_end == input.size() ? line_end : std::min(input.find(between, line_end), input.size());
    files.push_back({name, input.substr(content, std::max(next, content) - content)});
    if (next == input.size()) break;
    begin = next + 1;
  }
  return files;
}

std::string JoinFiles(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string input;
  for (const auto& [name, content] : files) {
    input.append(input.empty() ? "" : "\n").append(kMark).append(name).append("\n").append(content);
  }
  return input;
}

InputDirectory::InputDirectory(std::initializer_list<const char*> names) : path_(MakeDirectory()) {
  for (const char* name : names) files_.push_back({name, (path_ / name).string()});
}

InputDirectory::~InputDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void InputDirectory::Fill(std::string_view input) {
  for (File& file : files_) file.wanted = false;
  for (const InputFile& given : SplitFiles(input)) {
    const auto file = std::ranges::find(files_, given.name, &File::name);
    if (file == files_.end()) continue;
    WriteFile(file->path, given.content);
    file->present = file->wanted = true;
  }
  for (File& file : files_) {
    if (!file.present || file.wanted) continue;
    unlink(file.path.c_str());
    file.present = false;
  }
}

uint8_t Choices::Byte() {
  if (bytes_.empty()) return 0;
  const uint8_t byte = bytes_.front();
  bytes_ = bytes_.subspan(1);
  return byte;
}

size_t Choices::Below(size_t count) {
  size_t value = Byte();
  if (count > 256) value = value << 8 | Byte();
  return value % count;
}

int32_t Choices::Int32() {
  uint32_t bits = 0;
  for (int i = 0; i < 4; ++i) bits = bits << 8 | Byte();
  return static_cast<int32_t>(bits);
}

float Choices::Float() {
  const int32_t bits = Int32();
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace dcp::fuzz
