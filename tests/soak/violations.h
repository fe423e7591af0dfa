// What a long run found wrong.
#ifndef DCP_TESTS_SOAK_VIOLATIONS_H_
#define DCP_TESTS_SOAK_VIOLATIONS_H_

#include <cstddef>
#include <iostream>
#include <mutex>
#include <string>

namespace dcp::soak {

// Counts, and prints the first of them as they come. From any thread.
class Violations {
 public:
  void Add(const std::string& what) {
    const std::lock_guard guard(mutex_);
    if (++count_ <= kShown) std::cerr << "violation: " << what << std::endl;
  }
  size_t count() const {
    const std::lock_guard guard(mutex_);
    return count_;
  }

 private:
  static constexpr size_t kShown = 20;
  mutable std::mutex mutex_;
  size_t count_ = 0;
};

}  // namespace dcp::soak

#endif  // DCP_TESTS_SOAK_VIOLATIONS_H_
