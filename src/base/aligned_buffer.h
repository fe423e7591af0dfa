// A fixed-size array of trivial values, aligned to cache lines. Owns its memory; move-only.
//
// Large arrays - weights above all - are aligned to large pages and ask for them: streaming through small ones costs
// products of a few rows about a tenth of their time.
#ifndef DCP_BASE_ALIGNED_BUFFER_H_
#define DCP_BASE_ALIGNED_BUFFER_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

#include "base/system_memory.h"

namespace dcp {

inline constexpr size_t kCacheLine = 64;

constexpr size_t RoundUp(size_t n, size_t multiple) { return (n + multiple - 1) / multiple * multiple; }
constexpr size_t DivideUp(size_t n, size_t divisor) { return (n + divisor - 1) / divisor; }

template <typename T>
class AlignedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  AlignedBuffer() = default;

  // Zero-filled. Throws std::bad_alloc.
  explicit AlignedBuffer(size_t size) : size_(size) {
    if (size == 0) return;
    const size_t bytes = size * sizeof(T);
    const bool large = bytes >= 2 * kLargePageBytes;
    const std::align_val_t alignment{large ? kLargePageBytes : kCacheLine};
    data_ = {static_cast<T*>(::operator new(bytes, alignment)), Free{alignment}};
    if (large) AdviseLargePages(reinterpret_cast<std::byte*>(data_.get()), bytes);
    std::memset(data_.get(), 0, bytes);
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data_.get()[i]; }
  const T& operator[](size_t i) const { return data_.get()[i]; }

 private:
  struct Free {
    std::align_val_t alignment{kCacheLine};
    void operator()(T* p) const { ::operator delete(p, alignment); }
  };
  std::unique_ptr<T, Free> data_;
  size_t size_ = 0;
};

}  // namespace dcp

#endif  // DCP_BASE_ALIGNED_BUFFER_H_
