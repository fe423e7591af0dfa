#include "support/output_file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "tests/unit/io/io_testing.h"

namespace dcp {
namespace {

using io_testing::ExpectError;
using io_testing::TempDir;
using io_testing::fs::directory_iterator;
using reference::ReadText;
using reference::WriteText;

int FilesIn(const std::filesystem::path& directory) {
  return static_cast<int>(std::distance(directory_iterator(directory), directory_iterator()));
}

// Lets no file of the process grow past `bytes`: to a writer, a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit = {bytes, old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit old_;
  void (*handler_)(int);
};

TEST(OutputFileTest, AppearsWithCommitOnly) {
  const TempDir dir;
  OutputFile file(dir / "f");
  file.Write(std::string_view("one "));
  file.Write(std::string_view("two"));
  EXPECT_FALSE(std::filesystem::exists(dir / "f"));
  file.Commit();
  EXPECT_EQ(ReadText(dir / "f"), "one two");
  EXPECT_EQ(FilesIn(dir.path()), 1);
}

TEST(OutputFileTest, WithoutCommitNothingChanges) {
  const TempDir dir;
  WriteText(dir / "f", "old");
  {
    OutputFile file(dir / "f");
    file.Write(std::string_view("new"));
  }
  EXPECT_EQ(ReadText(dir / "f"), "old");
  EXPECT_EQ(FilesIn(dir.path()), 1);
}

TEST(OutputFileTest, TwoWritersOfOneNameDoNotMix) {
  const TempDir dir;
  OutputFile a(dir / "f");
  OutputFile b(dir / "f");
  a.Write(std::string_view("a"));
  b.Write(std::string_view("b"));
  b.Commit();
  a.Commit();
  EXPECT_EQ(ReadText(dir / "f"), "a");
  EXPECT_EQ(FilesIn(dir.path()), 1);
}

TEST(OutputFileTest, APlaceThatCannotBeWrittenIsAnError) {
  const TempDir dir;
  const std::string missing = (dir / "missing/f").string();
  ExpectError([&] { OutputFile file(missing); }, ErrorCode::kIo,
              {missing + ": cannot be written: No such file or directory"});
  WriteText(dir / "f", "text");
  ExpectError([&] { OutputFile file(dir / "f/below"); }, ErrorCode::kIo,
              {"f/below: cannot be written: Not a directory"});
}

TEST(OutputFileTest, AReadOnlyDirectoryIsAnError) {
  if (geteuid() == 0) GTEST_SKIP() << "root writes everywhere";
  const TempDir dir;
  ASSERT_EQ(chmod(dir.path().c_str(), 0500), 0);
  ExpectError([&] { OutputFile file(dir / "f"); }, ErrorCode::kIo, {"f: cannot be written: Permission denied"});
  ASSERT_EQ(chmod(dir.path().c_str(), 0700), 0);
}

TEST(OutputFileTest, ADirectoryIsNotReplaced) {
  const TempDir dir;
  std::filesystem::create_directories(dir / "f/below");
  ExpectError(
      [&] {
        OutputFile file(dir / "f");
        file.Commit();
      },
      ErrorCode::kIo, {(dir / "f").string() + ": cannot be written: Is a directory"});
  EXPECT_TRUE(std::filesystem::is_directory(dir / "f/below"));
  EXPECT_EQ(FilesIn(dir.path()), 1);
}

TEST(OutputFileTest, IsAnOrdinaryFileOrKeepsThePermissionsThereWere) {
  const TempDir dir;
  const auto mode = [&] {
    struct stat status = {};
    EXPECT_EQ(stat((dir / "f").c_str(), &status), 0);
    return status.st_mode & 07777;
  };
  OutputFile(dir / "f").Commit("x");
  const mode_t mask = umask(0);
  umask(mask);
  EXPECT_EQ(mode(), 0666 & ~mask);
  ASSERT_EQ(chmod((dir / "f").c_str(), 0640), 0);
  OutputFile(dir / "f").Commit("y");
  EXPECT_EQ(mode(), 0640u);
}

TEST(OutputFileTest, FollowsLinksAndLeavesDevicesAlone) {
  const TempDir dir;
  WriteText(dir / "f", "old");
  std::filesystem::create_symlink(dir / "f", dir / "link");
  OutputFile(dir / "link").Commit("new");
  EXPECT_TRUE(std::filesystem::is_symlink(dir / "link"));
  EXPECT_EQ(ReadText(dir / "f"), "new");
  OutputFile("/dev/null").Commit("x");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  ExpectError([] { OutputFile("/dev/full").Commit("x"); }, ErrorCode::kIo,
              {"/dev/full: cannot be written: No space left on device"});
}

TEST(OutputFileTest, AFullDiskIsAnErrorAndLeavesTheOldFile) {
  const TempDir dir;
  WriteText(dir / "f", "old");
  for (const size_t size : {size_t{5000}, size_t{1} << 20}) {  // noticed on flush, noticed while writing
    const FileSizeLimit limit(4096);
    ExpectError(
        [&] {
          OutputFile file(dir / "f");
          file.Write(std::string(size, 'x'));
          file.Commit();
        },
        ErrorCode::kIo, {(dir / "f").string() + ": cannot be written: File too large"});
  }
  EXPECT_EQ(ReadText(dir / "f"), "old");
  EXPECT_EQ(FilesIn(dir.path()), 1);
}

}  // namespace
}  // namespace dcp
