#include "cache/spool_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "dcp/error.h"
#include "tests/unit/runtime/session_testing.h"

namespace dcp {
namespace {

namespace fs = std::filesystem;
using session_testing::ExpectError;

constexpr size_t kBlock = 4096;

class Spool : public testing::Test {
 protected:
  Spool() : directory_(fs::path(testing::TempDir()) / ("spool" + std::to_string(getpid()))) {
    fs::create_directory(directory_);
  }
  ~Spool() override { fs::remove_all(directory_); }

  static std::vector<std::byte> Block(int value) { return std::vector<std::byte>(kBlock, std::byte(value)); }

  // The descriptor of the file without a name.
  static fs::path OpenFile() {
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      const std::string target = fs::read_symlink(entry.path(), gone).string();
      if (target.find("spool") != std::string::npos && target.ends_with("(deleted)")) return entry.path();
    }
    return {};
  }

  fs::path directory_;
};

TEST_F(Spool, BlocksComeBackAndTheirRoomIsUsedAgain) {
  SpoolFile spool(directory_, kBlock);
  const auto a = Block(1), b = Block(2), c = Block(3);
  const std::byte* const first[] = {a.data(), b.data()};
  const std::byte* const second[] = {c.data()};
  const auto ab = spool.Write(first);
  EXPECT_EQ(spool.bytes(), 2 * kBlock);
  std::vector<std::byte> got(2 * kBlock);
  spool.Read(ab, got.data());
  EXPECT_EQ(std::memcmp(got.data(), a.data(), kBlock), 0);
  EXPECT_EQ(std::memcmp(got.data() + kBlock, b.data(), kBlock), 0);
  spool.Free(std::span(ab).first(1));
  const auto again = spool.Write(second);
  EXPECT_EQ(again[0], ab[0]);
  spool.Read(again, got.data());
  EXPECT_EQ(std::memcmp(got.data(), c.data(), kBlock), 0);
  EXPECT_TRUE(fs::is_empty(directory_)) << "nothing to be left behind";
  EXPECT_EQ(fs::file_size(OpenFile()), 2 * kBlock);
  spool.Free(std::span(ab).last(1));
  spool.Free(again);
  EXPECT_EQ(spool.bytes(), 0u);
  EXPECT_EQ(fs::file_size(OpenFile()), 0u);
}

TEST_F(Spool, WhatTheDiskChangedIsAnError) {
  SpoolFile spool(directory_, kBlock);
  const auto a = Block(1);
  const std::byte* const one[] = {a.data()};
  const auto places = spool.Write(one);
  std::fstream(OpenFile(), std::ios::in | std::ios::out | std::ios::binary).seekp(100).put('x');
  std::vector<std::byte> got(kBlock);
  ExpectError(ErrorCode::kIo, {directory_.string(), "other bytes"}, [&] { spool.Read(places, got.data()); });
  fs::resize_file(OpenFile(), 10);
  ExpectError(ErrorCode::kIo, {directory_.string()}, [&] { spool.Read(places, got.data()); });
}

TEST_F(Spool, AFullDiskLeavesWhatWasThere) {
  signal(SIGXFSZ, SIG_IGN);
  SpoolFile spool(directory_, kBlock);
  const auto a = Block(1), b = Block(2);
  const std::byte* const one[] = {a.data()};
  const auto places = spool.Write(one);
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit small = {2 * kBlock, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::byte* const two[] = {b.data(), b.data()};
  ExpectError(ErrorCode::kIo, {directory_.string()}, [&] { spool.Write(two); });
  EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  EXPECT_EQ(spool.bytes(), kBlock);
  std::vector<std::byte> got(kBlock);
  spool.Read(places, got.data());
  EXPECT_EQ(got, a);
  EXPECT_EQ(spool.Write(two).size(), 2u);
}

TEST_F(Spool, NoSuchFolder) {
  ExpectError(ErrorCode::kIo, {"/no/such"}, [] { const SpoolFile spool("/no/such", kBlock); });
}

}  // namespace
}  // namespace dcp
