// What the tests of src/io share: a directory that goes away, files made byte by byte, errors checked whole.
#ifndef DCP_TESTS_UNIT_IO_IO_TESTING_H_
#define DCP_TESTS_UNIT_IO_IO_TESTING_H_

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dcp/error.h"
#include "tests/reference/checkpoint_maker.h"

namespace dcp::io_testing {

namespace fs = std::filesystem;

// A fresh directory, removed with everything in it.
class TempDir {
 public:
  TempDir() {
    static std::atomic<int> counter{0};
    const testing::TestInfo* const test = testing::UnitTest::GetInstance()->current_test_info();
    std::string name = std::string(test->test_suite_name()) + "." + test->name() + "." + std::to_string(counter++);
    for (char& c : name) c = c == '/' ? '_' : c;
    path_ = fs::path(testing::TempDir()) / ("dcp_io_" + name);
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~TempDir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  fs::path operator/(const std::string& name) const { return path_ / name; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Runs `call`, which must throw Error of this code with one line that contains every part.
template <typename Call>
void ExpectError(Call call, ErrorCode code, const std::vector<std::string>& parts) {
  try {
    call();
    ADD_FAILURE() << "no error, expected one with: " << (parts.empty() ? "" : parts.back());
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << message;
    EXPECT_EQ(message.find_first_of("\r\n"), std::string::npos) << message;
    for (const std::string& part : parts) {
      EXPECT_NE(message.find(part), std::string::npos) << "\"" << part << "\" is not in: " << message;
    }
  }
}

// A safetensors file of this header text and data, whatever they say. `length` replaces the true header length.
inline std::string RawSafetensors(const std::string& header, const std::string& data, uint64_t length = ~uint64_t{0}) {
  if (length == ~uint64_t{0}) length = header.size();
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i));
  return bytes + header + data;
}

}  // namespace dcp::io_testing

#endif  // DCP_TESTS_UNIT_IO_IO_TESTING_H_
