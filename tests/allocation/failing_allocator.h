// Counts every allocation of this program, and refuses those it is told to.
#ifndef DCP_TESTS_ALLOCATION_FAILING_ALLOCATOR_H_
#define DCP_TESTS_ALLOCATION_FAILING_ALLOCATOR_H_

#include <atomic>
#include <cstddef>

namespace dcp::allocation {

extern std::atomic<long> allocations;  // so far
extern std::atomic<long> living;       // of them, those that were not given back
// The allocation of this number, of those of `smallest` bytes and more, is refused; -1: none.
extern std::atomic<long> refused;
extern std::atomic<std::size_t> smallest;
extern std::atomic<long> counted;  // those of `smallest` bytes and more

}  // namespace dcp::allocation

#endif  // DCP_TESTS_ALLOCATION_FAILING_ALLOCATOR_H_
