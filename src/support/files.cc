#include "support/files.h"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "dcp/error.h"

namespace dcp {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

[[noreturn]] void Fail(const std::filesystem::path& file, int error) {
  throw Error(ErrorCode::kIo, file.string() + ": cannot be read: " + std::generic_category().message(error));
}

}  // namespace

std::string ReadFile(const std::filesystem::path& file) {
  const std::unique_ptr<std::FILE, Close> stream(std::fopen(file.string().c_str(), "rb"));
  if (!stream) Fail(file, errno);
  std::string text;
  char buffer[1 << 16];
  while (const size_t count = std::fread(buffer, 1, sizeof(buffer), stream.get())) text.append(buffer, count);
  if (std::ferror(stream.get())) Fail(file, errno);
  return text;
}

}  // namespace dcp
