// What the tests of the public interface share. They see public headers only.
#ifndef DCP_TESTS_API_API_TESTING_H_
#define DCP_TESTS_API_API_TESTING_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "dcp/dcp.h"
#include "tests/unit/runtime/session_testing.h"

namespace dcp::api_testing {

using session_testing::AddFed;
using session_testing::ExpectError;
using session_testing::Ids;
using session_testing::Policy;
using session_testing::SmallModel;
using session_testing::SmallShape;
using session_testing::WithPolicy;

inline std::filesystem::path SourceDir() { return DCP_SOURCE_DIR; }

// A directory of this test, empty at its beginning and gone after it.
class EmptyDirectory {
 public:
  EmptyDirectory() {
    const testing::TestInfo* const test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(testing::TempDir()) /
            (std::string("dcp_api_") + test->test_suite_name() + "_" + test->name());
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~EmptyDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  EmptyDirectory(const EmptyDirectory&) = delete;
  EmptyDirectory& operator=(const EmptyDirectory&) = delete;

  std::filesystem::path Write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace dcp::api_testing

#endif  // DCP_TESTS_API_API_TESTING_H_
