// Layer normalisation of one row, which is in the cache: it has just been computed.
#include "kernels/layer_norm.h"
#include "tests/benchmarks/benchmark_data.h"

namespace dcp::benchmarks {
namespace {

void BM_LayerNorm(benchmark::State& state) {
  const auto n = static_cast<size_t>(state.range(0));
  const AlignedBuffer<float> x = RandomFloats(n);
  const AlignedBuffer<float> weight = RandomFloats(n);
  AlignedBuffer<float> out(n);
  for (auto _ : state) {
    LayerNorm(x.data(), n, weight.data(), weight.data(), 1e-5f, out.data());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  Count(state, 4.0 * static_cast<double>(n * sizeof(float)), 8.0 * static_cast<double>(n));
}
BENCHMARK(BM_LayerNorm)->ArgName("width")->Arg(768)->Arg(1024)->Arg(1280)->Arg(1600);

}  // namespace
}  // namespace dcp::benchmarks
