#include "dcp/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

#include "base/aligned_buffer.h"
#include "dcp/error.h"

namespace dcp {
namespace {

constexpr int kMaxThreads = 1024;

// How long an idle worker watches for the next region before it sleeps. A decode step has some hundred regions a few
// microseconds apart; sleeping between them would cost more than they do.
constexpr std::chrono::microseconds kSpinTime{100};

int UsableCores() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

int CheckedThreads(int threads) {
  if (threads < 0 || threads > kMaxThreads) {
    throw Error(ErrorCode::kInvalidArgument,
                "threads: " + std::to_string(threads) + " is not in 0 .. " + std::to_string(kMaxThreads));
  }
  return threads == 0 ? UsableCores() : threads;
}

void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

// A region is published by storing task, context and count and then raising `region` to an odd number; it is closed by
// raising it again. Whoever works takes indices from `next`. A worker that arrives late finds the region closed and
// goes back to waiting: the caller waits for those who joined, never for those who are still asleep or whose core is
// busy with something else.
//
// A worker counts itself in `joined` before it looks at `region`, the caller closes `region` before it looks at
// `joined`, all in one total order: either the caller sees the worker, or the worker sees the region closed (or the
// next one open, which is as good).
struct ThreadPool::Impl {
  alignas(kCacheLine) std::atomic<uint32_t> region{0};
  alignas(kCacheLine) std::atomic<size_t> next{0};
  alignas(kCacheLine) std::atomic<uint32_t> joined{0};
  std::atomic<bool> stop{false};
  std::atomic<bool> leased{false};
  Task task = nullptr;
  const void* context = nullptr;
  size_t count = 0;
  bool spin = true;  // false when there are more threads than cores: spinning would steal from those that work
  std::vector<std::thread> workers;

  void Work(size_t worker) {
    for (size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) task(context, i, worker);
  }

  static bool IsOpen(uint32_t number) { return number % 2 == 1; }

  // Returns when a region other than `last` is open, or the pool is to stop.
  void AwaitRegion(uint32_t last) const {
    std::chrono::steady_clock::time_point deadline{};
    for (;;) {
      const uint32_t now = region.load(std::memory_order_acquire);
      if (IsOpen(now) && now != last) return;
      if (deadline == std::chrono::steady_clock::time_point{}) deadline = std::chrono::steady_clock::now() + kSpinTime;
      if (!spin || std::chrono::steady_clock::now() > deadline) {
        region.wait(now, std::memory_order_acquire);
        continue;
      }
      for (int i = 0; i < 64 && region.load(std::memory_order_relaxed) == now; ++i) Pause();
    }
  }

  void Loop(size_t worker) {
    for (uint32_t last = 0;;) {
      AwaitRegion(last);
      joined.fetch_add(1);
      const uint32_t now = region.load();
      if (IsOpen(now) && !stop.load()) {
        Work(worker);
        last = now;
      }
      if (joined.fetch_sub(1) == 1) joined.notify_one();
      if (stop.load()) return;
    }
  }

  void Open() {
    region.fetch_add(1);
    region.notify_all();
  }

  void CloseAndAwaitWorkers() {
    region.fetch_add(1);
    for (int i = 0; i < 2048 && spin; ++i) {
      if (joined.load() == 0) return;
      Pause();
    }
    for (uint32_t left; (left = joined.load()) != 0;) joined.wait(left);
  }

  void Shutdown() {
    stop.store(true);
    Open();
    for (std::thread& t : workers) t.join();
    workers.clear();
  }
};

ThreadPool::ThreadPool(int threads) : impl_(std::make_unique<Impl>()) {
  const int n = CheckedThreads(threads);
  impl_->spin = n <= UsableCores();
  try {
    impl_->workers.reserve(n - 1);
    for (int i = 1; i < n; ++i) impl_->workers.emplace_back([impl = impl_.get(), i] { impl->Loop(i); });
  } catch (const std::exception& e) {  // the system refused a thread: end those that run
    const size_t started = impl_->workers.size() + 1;
    impl_->Shutdown();
    throw Error(ErrorCode::kOutOfMemory, "threads: the system gave " + std::to_string(started) + " of " +
                                             std::to_string(n) + " (" + e.what() + ")");
  }
}

ThreadPool::~ThreadPool() { impl_->Shutdown(); }

int ThreadPool::threads() const { return static_cast<int>(impl_->workers.size()) + 1; }

void ThreadPool::Run(size_t count, Task task, const void* context) {
  if (count <= 1 || impl_->workers.empty()) {
    for (size_t i = 0; i < count; ++i) task(context, i, 0);
    return;
  }
  Impl& p = *impl_;
  p.task = task;
  p.context = context;
  p.count = count;
  p.next.store(0, std::memory_order_relaxed);
  p.Open();
  p.Work(0);
  p.CloseAndAwaitWorkers();
}

PoolLease::PoolLease(ThreadPool& pool) : pool_(pool) {
  if (pool_.impl_->leased.exchange(true, std::memory_order_acquire)) {
    throw Error(ErrorCode::kInvalidArgument,
                "thread pool: is in use by another call; calls that overlap need pools of their own");
  }
}

PoolLease::~PoolLease() { pool_.impl_->leased.store(false, std::memory_order_release); }

}  // namespace dcp
