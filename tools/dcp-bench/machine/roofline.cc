#include "dcp-bench/machine/roofline.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>

#include "common/measure.h"
#include "dcp-bench/machine/roofline_kernels.h"

namespace dcp::tools {
namespace {

constexpr int kPasses = 5;
constexpr size_t kBufferFloats = size_t{64} << 20;  // 256 MiB
constexpr size_t kSliceFloats = size_t{1} << 18;    // 1 MiB: what a thread takes at a time
constexpr size_t kChainRounds = 200'000;            // about a millisecond
constexpr size_t kChainTasks = 16;                  // for each thread

struct FreeAligned {
  void operator()(float* p) const { ::operator delete (p, std::align_val_t{64}); }
};

// Keeps a result from being thrown away together with the work.
std::atomic<float> sink;

double BandwidthPass(ThreadPool& pool, const float* buffer) {
  const double start = SecondsNow();
  pool.ParallelFor(kBufferFloats / kSliceFloats,
                   [&](size_t i, size_t) { sink = SumFloats(buffer + i * kSliceFloats, kSliceFloats); });
  return kBufferFloats * sizeof(float) / (SecondsNow() - start);
}

double MultiplyAddPass(ThreadPool& pool) {
  const size_t tasks = kChainTasks * static_cast<size_t>(pool.threads());
  std::atomic<double> flops = 0;
  const double start = SecondsNow();
  pool.ParallelFor(tasks, [&](size_t, size_t) {
    double done = 0;
    sink = ChainMultiplyAdds(kChainRounds, &done);
    flops = done;
  });
  return static_cast<double>(tasks) * flops / (SecondsNow() - start);
}

}  // namespace

Roofline MeasureRoofline(ThreadPool& pool) {
  const std::unique_ptr<float, FreeAligned> buffer(
      static_cast<float*>(::operator new (kBufferFloats * sizeof(float), std::align_val_t{64})));
  pool.ParallelFor(kBufferFloats / kSliceFloats,
                   [&](size_t i, size_t) { std::fill_n(buffer.get() + i * kSliceFloats, kSliceFloats, 1.0f); });
  Roofline best;
  for (int pass = 0; pass < kPasses; ++pass) {
    best = Best(best, {BandwidthPass(pool, buffer.get()), MultiplyAddPass(pool)});
  }
  return best;
}

Roofline Best(const Roofline& a, const Roofline& b) {
  return {std::max(a.read_bytes_per_s, b.read_bytes_per_s), std::max(a.flops_per_s, b.flops_per_s)};
}

}  // namespace dcp::tools
