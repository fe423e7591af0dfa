#include "dcp-finetune/convert/new_directory.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "dcp/error.h"

namespace dcp::finetune {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const fs::path& path, const std::string& why) {
  throw Error(ErrorCode::kIo, path.string() + ": cannot be written: " + why);
}

}  // namespace

NewDirectory::NewDirectory(const fs::path& target) : target_(fs::absolute(target).lexically_normal()) {
  if (!target_.has_filename()) target_ = target_.parent_path();  // "out/"
  if (fs::exists(target_) && !fs::is_directory(target_)) Fail(target, "it is a file");
  std::error_code failed;
  fs::create_directories(target_.parent_path(), failed);
  if (failed) Fail(target, failed.message());
  std::string name = target_.string() + ".XXXXXX";
  if (mkdtemp(name.data()) == nullptr) Fail(target, std::strerror(errno));
  temporary_ = name;
  const mode_t mask = umask(0);  // mkdtemp's are for their owner alone
  umask(mask);
  chmod(name.c_str(), 0777 & ~mask);
}

NewDirectory::~NewDirectory() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void NewDirectory::Commit() {
  std::error_code failed;
  if (!fs::exists(target_) || fs::is_empty(target_)) {
    fs::rename(temporary_, target_, failed);
    if (failed) Fail(target_, failed.message());
    temporary_.clear();
    return;
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(temporary_)) {
    fs::rename(entry.path(), target_ / entry.path().filename(), failed);
    if (failed) Fail(target_ / entry.path().filename(), failed.message());
  }
}

}  // namespace dcp::finetune
