#include "dcp/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
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

// A region is published by storing task, context and count, then raising `region`. Workers take indices from `next`;
// the last one to leave lowers `busy` to zero, which is what the caller waits for: nobody still looks at the region
// when Run returns.
struct ThreadPool::Impl {
  alignas(kCacheLine) std::atomic<uint32_t> region{0};
  alignas(kCacheLine) std::atomic<size_t> next{0};
  alignas(kCacheLine) std::atomic<uint32_t> busy{0};
  std::atomic<bool> stop{false};
  Task task = nullptr;
  const void* context = nullptr;
  size_t count = 0;
  bool spin = true;  // false when there are more threads than cores: spinning would steal from those that work
  std::vector<std::thread> workers;

  void Work(size_t worker) {
    for (size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) task(context, i, worker);
  }

  void AwaitRegion(uint32_t seen) const {
    if (spin) {
      const auto deadline = std::chrono::steady_clock::now() + kSpinTime;
      do {
        for (int i = 0; i < 64; ++i) {
          if (region.load(std::memory_order_acquire) != seen) return;
          Pause();
        }
      } while (std::chrono::steady_clock::now() < deadline);
    }
    region.wait(seen, std::memory_order_acquire);
  }

  void Loop(size_t worker) {
    uint32_t seen = 0;
    for (;;) {
      AwaitRegion(seen);
      seen = region.load(std::memory_order_acquire);
      if (stop.load(std::memory_order_relaxed)) return;
      Work(worker);
      if (busy.fetch_sub(1, std::memory_order_acq_rel) == 1) busy.notify_one();
    }
  }

  void Shutdown() {
    stop.store(true, std::memory_order_relaxed);
    region.fetch_add(1, std::memory_order_release);
    region.notify_all();
    for (std::thread& t : workers) t.join();
    workers.clear();
  }

  void AwaitIdle() const {
    for (int i = 0; i < 2048 && spin; ++i) {
      if (busy.load(std::memory_order_acquire) == 0) return;
      Pause();
    }
    for (uint32_t left; (left = busy.load(std::memory_order_acquire)) != 0;) busy.wait(left, std::memory_order_acquire);
  }
};

ThreadPool::ThreadPool(int threads) : impl_(std::make_unique<Impl>()) {
  const int n = CheckedThreads(threads);
  impl_->spin = n <= UsableCores();
  try {
    impl_->workers.reserve(n - 1);
    for (int i = 1; i < n; ++i) impl_->workers.emplace_back([impl = impl_.get(), i] { impl->Loop(i); });
  } catch (...) {  // the system refused a thread: end those that run
    impl_->Shutdown();
    throw;
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
  p.busy.store(static_cast<uint32_t>(p.workers.size()), std::memory_order_relaxed);
  p.region.fetch_add(1, std::memory_order_release);
  p.region.notify_all();
  p.Work(0);
  p.AwaitIdle();
}

}  // namespace dcp
