// What the micro-benchmarks share: data that is in no cache when a kernel comes to it, and counters.
#ifndef DCP_TESTS_BENCHMARKS_BENCHMARK_DATA_H_
#define DCP_TESTS_BENCHMARKS_BENCHMARK_DATA_H_

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/matrix_view.h"
#include "cache/layer_slots.h"
#include "cache/page_pool.h"
#include "dcp/thread_pool.h"

namespace dcp::benchmarks {

// A decode step comes back to a matrix or a page only after it has read all the others, so benchmarks go round copies
// that together outgrow the last-level cache.
inline constexpr size_t kColdBytes = size_t{160} << 20;

inline size_t ColdCopies(size_t bytes) { return std::max<size_t>(1, DivideUp(kColdBytes, bytes)); }

// All cores.
inline ThreadPool& Pool() {
  static ThreadPool pool;
  return pool;
}

// Small numbers around zero, the same every time.
inline float NextFloat(uint32_t& state) {
  state = state * 1664525 + 1013904223;
  return static_cast<float>(state >> 8) * (2.0f / (1 << 24)) - 1.0f;
}

inline AlignedBuffer<float> RandomFloats(size_t n) {
  AlignedBuffer<float> floats(n);
  uint32_t state = 1;
  for (size_t i = 0; i < n; ++i) floats[i] = NextFloat(state);
  return floats;
}

// "GB/s" and "GFLOP/s" from what one iteration reads and computes.
inline void Count(benchmark::State& state, double bytes, double flops) {
  using benchmark::Counter;
  state.counters["GB/s"] = Counter(1e-9 * bytes, Counter::kIsIterationInvariantRate);
  state.counters["GFLOP/s"] = Counter(1e-9 * flops, Counter::kIsIterationInvariantRate);
}

// Kept sets of GPT-2 small's shape.
inline PageLayout SmallLayout(KvType type, size_t int_dim) {
  PageLayout layout;
  layout.heads = 12;
  layout.head_dim = 64;
  layout.int_dim = int_dim;
  layout.type = type;
  return layout;
}

// Several (layer, sequence) pairs of `kept` slots each.
class KeptSets {
 public:
  KeptSets(const PageLayout& layout, size_t kept, size_t sets, size_t room = 0)
      : layout_(layout), pool_(layout.page_bytes()), row_(RandomFloats(layout.heads * layout.head_dim)) {
    for (size_t i = 0; i < sets; ++i) {
      sets_.emplace_back(layout_, pool_, kept + room, SlotTracking{});
      sets_.back().Reserve(kept + room);
      for (size_t slot = 0; slot < kept; ++slot) Append(i, static_cast<int32_t>(slot));
    }
  }

  void Append(size_t set, int32_t position) {
    sets_[set].Append(position, kNever, {row_.data(), row_.data(), row_.data()});
  }

  LayerSlots& operator[](size_t i) { return sets_[i]; }
  size_t size() const { return sets_.size(); }

 private:
  PageLayout layout_;
  PagePool pool_;
  AlignedBuffer<float> row_;
  std::vector<LayerSlots> sets_;
};

}  // namespace dcp::benchmarks

#endif  // DCP_TESTS_BENCHMARKS_BENCHMARK_DATA_H_
