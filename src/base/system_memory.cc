#include "base/system_memory.h"

#include <cstdint>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#else
#include <cstdlib>
#include <cstring>
#endif

namespace dcp {

#if defined(__unix__) || defined(__APPLE__)

size_t SystemPageBytes() {
  static const size_t bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

std::byte* MapMemory(size_t bytes, size_t alignment) noexcept {
  void* p = mmap(nullptr, bytes + alignment, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  auto* whole = static_cast<std::byte*>(p);
  const size_t before = (alignment - reinterpret_cast<uintptr_t>(p) % alignment) % alignment;
  if (before > 0) munmap(whole, before);
  munmap(whole + before + bytes, alignment - before);
  return whole + before;
}

void UnmapMemory(std::byte* begin, size_t bytes) noexcept { munmap(begin, bytes); }

bool DiscardMemory(std::byte* begin, size_t bytes) noexcept {
#if defined(__linux__)
  return madvise(begin, bytes, MADV_DONTNEED) == 0;
#else
  return madvise(begin, bytes, MADV_FREE) == 0;
#endif
}

void AdviseLargePages(std::byte* begin, size_t bytes) noexcept {
#if defined(MADV_HUGEPAGE)
  const size_t misaligned = reinterpret_cast<uintptr_t>(begin) % SystemPageBytes();
  madvise(begin - misaligned, bytes + misaligned, MADV_HUGEPAGE);
#else
  (void)begin;
  (void)bytes;
#endif
}

#else

size_t SystemPageBytes() { return 4096; }

std::byte* MapMemory(size_t bytes, size_t) noexcept { return static_cast<std::byte*>(std::calloc(bytes, 1)); }

void UnmapMemory(std::byte* begin, size_t) noexcept { std::free(begin); }

bool DiscardMemory(std::byte*, size_t) noexcept { return false; }

void AdviseLargePages(std::byte*, size_t) noexcept {}

#endif

}  // namespace dcp
