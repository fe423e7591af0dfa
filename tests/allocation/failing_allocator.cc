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

static void* Allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  if (size >= smallest && counted++ == refused) throw std::bad_alloc();
  void* p = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (p == nullptr) throw std::bad_alloc();
  ++living;
  return p;
}

// Not inlined: the compiler would see free() meet what it takes for the usual operator new.
[[gnu::noinline]] static void Release(void* p) {
  if (p != nullptr) --living;
  std::free(p);
}

}  // namespace dcp::allocation

// All of them: a sanitizer has its own for those that are not replaced, and wants each to meet its like.
namespace {

using dcp::allocation::Allocate;
using dcp::allocation::Release;

constexpr std::size_t kUsual = alignof(std::max_align_t);

void* AllocateOrNull(std::size_t size, std::size_t alignment) noexcept {
  try {
    return Allocate(size, alignment);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

using std::align_val_t;
using std::nothrow_t;
using std::size_t;

void* operator new(size_t size) { return Allocate(size, kUsual); }
void* operator new[](size_t size) { return Allocate(size, kUsual); }
void* operator new(size_t size, align_val_t alignment) { return Allocate(size, static_cast<size_t>(alignment)); }
void* operator new[](size_t size, align_val_t alignment) { return Allocate(size, static_cast<size_t>(alignment)); }
void* operator new(size_t size, const nothrow_t&) noexcept { return AllocateOrNull(size, kUsual); }
void* operator new[](size_t size, const nothrow_t&) noexcept { return AllocateOrNull(size, kUsual); }
void operator delete(void* p) noexcept { Release(p); }
void operator delete[](void* p) noexcept { Release(p); }
void operator delete(void* p, size_t) noexcept { Release(p); }
void operator delete[](void* p, size_t) noexcept { Release(p); }
void operator delete(void* p, align_val_t) noexcept { Release(p); }
void operator delete[](void* p, align_val_t) noexcept { Release(p); }
void operator delete(void* p, size_t, align_val_t) noexcept { Release(p); }
void operator delete[](void* p, size_t, align_val_t) noexcept { Release(p); }
void operator delete(void* p, const nothrow_t&) noexcept { Release(p); }
void operator delete[](void* p, const nothrow_t&) noexcept { Release(p); }
