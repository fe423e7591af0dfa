// Memory straight from the operating system, in whole system pages that can be returned one by one.
#ifndef DCP_BASE_SYSTEM_MEMORY_H_
#define DCP_BASE_SYSTEM_MEMORY_H_

#include <cstddef>

namespace dcp {

// Granularity of the functions below.
size_t SystemPageBytes();

// Address space, readable and writable, zero-filled, without memory until touched. Null when refused. `bytes` and
// `alignment`, where the space begins, are multiples of SystemPageBytes(); systems without pages ignore the latter.
std::byte* MapMemory(size_t bytes, size_t alignment) noexcept;

void UnmapMemory(std::byte* begin, size_t bytes) noexcept;

// Returns the memory behind a range to the system; the range stays usable and reads as zeros. Where the system cannot
// do that, nothing happens and false is returned.
bool DiscardMemory(std::byte* begin, size_t bytes) noexcept;

// Size of the large pages that AdviseLargePages asks for.
inline constexpr size_t kLargePageBytes = size_t{2} << 20;

// Asks the system to back a range, not yet touched, by large pages where it contains whole ones; a wish, not a command.
void AdviseLargePages(std::byte* begin, size_t bytes) noexcept;

}  // namespace dcp

#endif  // DCP_BASE_SYSTEM_MEMORY_H_
