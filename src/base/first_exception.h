// What is thrown in a parallel region, kept for after it.
#ifndef DCP_BASE_FIRST_EXCEPTION_H_
#define DCP_BASE_FIRST_EXCEPTION_H_

#include <cstddef>
#include <exception>
#include <mutex>
#include <utility>

namespace dcp {

// Of several exceptions that of the lowest index is kept, so that the same one comes out whatever the threads do.
class FirstException {
 public:
  // Calls `work`. Thread-safe.
  template <typename Work>
  void Catch(size_t index, const Work& work) noexcept {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (exception_ != nullptr && index_ <= index) return;
      index_ = index;
      exception_ = std::current_exception();
    }
  }

  // Throws what was kept, if anything, and forgets it. For after the region.
  void Rethrow() {
    if (exception_ != nullptr) std::rethrow_exception(std::exchange(exception_, nullptr));
  }

 private:
  std::mutex mutex_;
  size_t index_ = 0;
  std::exception_ptr exception_;
};

}  // namespace dcp

#endif  // DCP_BASE_FIRST_EXCEPTION_H_
