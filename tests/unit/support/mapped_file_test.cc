#include "support/mapped_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "tests/unit/io/io_testing.h"

namespace dcp {
namespace {

using io_testing::ExpectError;
using io_testing::TempDir;
using reference::WriteText;
using Access = MappedFile::Access;

class MappedFileTest : public testing::TestWithParam<Access> {};

TEST_P(MappedFileTest, HoldsTheBytesOfTheFile) {
  const TempDir dir;
  std::string text(100'000, 'x');
  text[0] = '\0';
  text.back() = '\xff';
  WriteText(dir / "f", text);
  const MappedFile file = MappedFile::Open(dir / "f", GetParam());
  EXPECT_EQ(file.text(), text);
  EXPECT_EQ(file.bytes().size(), text.size());
}

TEST_P(MappedFileTest, AnEmptyFileHasNoBytes) {
  const TempDir dir;
  WriteText(dir / "f", "");
  EXPECT_TRUE(MappedFile::Open(dir / "f", GetParam()).bytes().empty());
}

TEST_P(MappedFileTest, MovingKeepsViewsAlive) {
  const TempDir dir;
  WriteText(dir / "a", "first");
  WriteText(dir / "b", "second");
  MappedFile a = MappedFile::Open(dir / "a", GetParam());
  const std::string_view view = a.text();
  MappedFile b = MappedFile::Open(dir / "b", GetParam());
  b = std::move(a);
  EXPECT_EQ(b.text(), "first");
  EXPECT_EQ(view.data(), b.text().data());
  const MappedFile c(std::move(b));
  EXPECT_EQ(view, "first");
  EXPECT_EQ(c.text(), "first");
}

TEST_P(MappedFileTest, ForgottenPartsComeBack) {
  const TempDir dir;
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i);
  WriteText(dir / "f", text);
  const MappedFile file = MappedFile::Open(dir / "f", GetParam());
  file.Forget(file.bytes());
  file.Forget(file.bytes().subspan(3, 10'000));
  file.Forget(file.bytes().subspan(0, 0));
  EXPECT_EQ(file.text(), text);
}

TEST_P(MappedFileTest, WhatIsNotAFileIsAnError) {
  const TempDir dir;
  const auto open = [&](const std::string& name) { return [name] { MappedFile::Open(name, GetParam()); }; };
  const std::string missing = (dir / "missing").string();
  ExpectError(open(missing), ErrorCode::kIo, {missing + ": cannot open: No such file or directory"});
  ExpectError(open(dir.path().string()), ErrorCode::kIo, {dir.path().string() + ": is a directory"});
  WriteText(dir / "f", "text");
  ExpectError(open((dir / "f/below").string()), ErrorCode::kIo, {"f/below: cannot open: "});
  ASSERT_EQ(mkfifo((dir / "pipe").c_str(), 0600), 0);
  ExpectError(open((dir / "pipe").string()), ErrorCode::kIo, {"pipe: is not a regular file"});
}

TEST_P(MappedFileTest, AnUnreadableFileIsAnError) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads everything";
  const TempDir dir;
  WriteText(dir / "f", "text");
  ASSERT_EQ(chmod((dir / "f").c_str(), 0), 0);
  ExpectError([&] { MappedFile::Open(dir / "f", GetParam()); }, ErrorCode::kIo, {"f: cannot open: Permission denied"});
}

INSTANTIATE_TEST_SUITE_P(Access, MappedFileTest, testing::Values(Access::kMap, Access::kCopy));

}  // namespace
}  // namespace dcp
