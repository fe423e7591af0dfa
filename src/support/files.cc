#include "support/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "dcp/error.h"
#include "support/system_call.h"

namespace dcp {
namespace {

// An open file, closed when it goes.
class OpenFile {
 public:
  explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
  ~OpenFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

[[noreturn]] void Fail(const std::filesystem::path& file, int error) {
  throw Error(ErrorCode::kIo, file.string() + ": cannot be read: " + std::generic_category().message(error));
}

}  // namespace

std::string ReadFile(const std::filesystem::path& file) {
  struct stat status = {};
  // A pipe may keep its reader waiting for ever: there a signal ends the wait.
  const bool patient = stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode);
  const auto answer = [&](const auto& call) { return patient ? Uninterrupted(call) : call(); };
  const OpenFile opened(answer([&] { return open(file.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (opened.get() < 0) Fail(file, errno);
  std::string text;
  char buffer[1 << 16];
  while (true) {
    const ssize_t count = answer([&] { return read(opened.get(), buffer, sizeof buffer); });
    if (count < 0) Fail(file, errno);
    if (count == 0) return text;
    text.append(buffer, static_cast<size_t>(count));
  }
}

}  // namespace dcp
