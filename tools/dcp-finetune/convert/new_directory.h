// A directory that appears whole or not at all.
#ifndef DCP_TOOLS_DCP_FINETUNE_CONVERT_NEW_DIRECTORY_H_
#define DCP_TOOLS_DCP_FINETUNE_CONVERT_NEW_DIRECTORY_H_

#include <filesystem>

namespace dcp::finetune {

// The constructor makes a temporary directory beside the target; Commit() gives it the target's name. Destroyed without
// that, it leaves nothing behind. Where the target is there already, and not empty, Commit() moves file after file into
// it, each in place of what had its name; other files stay. Throws dcp::Error(kIo).
class NewDirectory {
 public:
  explicit NewDirectory(const std::filesystem::path& target);
  ~NewDirectory();
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;

  // To write to, until Commit().
  const std::filesystem::path& path() const { return temporary_; }

  void Commit();

 private:
  std::filesystem::path target_, temporary_;
};

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_CONVERT_NEW_DIRECTORY_H_
