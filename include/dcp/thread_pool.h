// A fork-join thread pool. Work is always divided so that results do not depend on the number of threads.
#ifndef DCP_THREAD_POOL_H_
#define DCP_THREAD_POOL_H_

#include <cstddef>
#include <memory>
#include <type_traits>

#include "dcp/export.h"

namespace dcp {

// One ParallelFor runs at a time: a pool may be shared by several Sessions only when their calls do not overlap. Where
// they do, the later one is an Error (see PoolLease), and changes nothing.
class DCP_EXPORT ThreadPool {
 public:
  // `threads` counts the calling thread; 0 means all cores that the process may use. Throws Error(kInvalidArgument)
  // when negative or above 1024, Error(kOutOfMemory) when the system refuses a thread.
  explicit ThreadPool(int threads = 0);
  // Ends the threads. REQUIRES: no ParallelFor is under way.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // How many, the calling thread included.
  int threads() const;

  // Calls fn(index, worker) once for every index in [0, count), worker in [0, threads()); returns when all are done.
  // Indices are handed out in order, one at a time, to whichever worker is free. `fn` must not throw and must not call
  // ParallelFor. Does not allocate.
  template <typename Fn>
  void ParallelFor(size_t count, const Fn& fn) {
    static_assert(std::is_invocable_v<const Fn&, size_t, size_t>);
    Run(
        count,
        [](const void* context, size_t index, size_t worker) { (*static_cast<const Fn*>(context))(index, worker); },
        &fn);
  }

 private:
  friend class PoolLease;
  using Task = void (*)(const void* context, size_t index, size_t worker);
  void Run(size_t count, Task task, const void* context);

  struct DCP_HIDDEN Impl;
  std::unique_ptr<Impl> impl_;
};

// The use of a pool by one caller at a time. Session takes one for each pass; so may others who share a pool.
class DCP_EXPORT PoolLease {
 public:
  // Throws Error(kInvalidArgument) when somebody else has one. `pool` must outlive it.
  explicit PoolLease(ThreadPool& pool);
  ~PoolLease();
  PoolLease(const PoolLease&) = delete;
  PoolLease& operator=(const PoolLease&) = delete;

 private:
  ThreadPool& pool_;
};

}  // namespace dcp

#endif  // DCP_THREAD_POOL_H_
