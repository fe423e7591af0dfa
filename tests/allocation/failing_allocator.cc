#include "tests/allocation/failing_allocator.h"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace dcp::allocation {

std::atomic<long> allocations = 0;
std::atomic<long> living = 0;
std::atomic<long> refused = -1;
std::atomic<std::size_t> smallest = 0;
std::atomic<long> counted = 0;

namespace {

void* Allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  if (size >= smallest && counted++ == refused) throw std::bad_alloc();
  void* p = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (p == nullptr) throw std::bad_alloc();
  ++living;
  return p;
}

// Not inlined: the compiler would see free() meet what it takes for the usual operator new.
[[gnu::noinline]] void Release(void* p) {
  if (p != nullptr) --living;
  std::free(p);
}

}  // namespace
}  // namespace dcp::allocation

void* operator new(std::size_t size) { return dcp::allocation::Allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return dcp::allocation::Allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* p) noexcept { dcp::allocation::Release(p); }
void operator delete(void* p, std::size_t) noexcept { dcp::allocation::Release(p); }
void operator delete(void* p, std::align_val_t) noexcept { dcp::allocation::Release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { dcp::allocation::Release(p); }
