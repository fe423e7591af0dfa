#include "support/files.h"

#include "tests/unit/io/io_testing.h"

namespace dcp {
namespace {

using io_testing::ExpectError;
using io_testing::TempDir;

TEST(ReadFileTest, HasEveryByte) {
  const TempDir dir;
  std::string text(200'000, 'x');
  text[0] = '\0';
  text.back() = '\xff';
  reference::WriteText(dir / "f", text);
  EXPECT_EQ(ReadFile(dir / "f"), text);
  reference::WriteText(dir / "f", "");
  EXPECT_EQ(ReadFile(dir / "f"), "");
}

TEST(ReadFileTest, WhatCannotBeReadIsAnError) {
  const TempDir dir;
  const std::string missing = (dir / "missing").string(), folder = dir.path().string();
  ExpectError([&] { ReadFile(missing); }, ErrorCode::kIo, {missing + ": cannot be read: No such file or directory"});
  ExpectError([&] { ReadFile(folder); }, ErrorCode::kIo, {folder + ": cannot be read: Is a directory"});
}

}  // namespace
}  // namespace dcp
