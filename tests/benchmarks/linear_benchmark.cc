// Products with packed weights: 1 .. 64 rows, GPT-2 small's four shapes, every weight type.
#include <array>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "kernels/linear.h"
#include "kernels/packed_matrix.h"
#include "tests/benchmarks/benchmark_data.h"

namespace dcp::benchmarks {
namespace {

// q, k, v; MLP in; MLP out; logits.
constexpr std::array<std::pair<size_t, size_t>, 4> kShapes = {{{768, 2304}, {768, 3072}, {3072, 768}, {768, 50257}}};
constexpr std::array<int64_t, 7> kRows = {1, 2, 4, 8, 16, 32, 64};
constexpr std::array<WeightType, 5> kTypes = {WeightType::kF32, WeightType::kBF16, WeightType::kF16, WeightType::kI8,
                                              WeightType::kI4};

// Copies of one matrix; kept between benchmarks of the same matrix, since packing takes longer than measuring.
const std::vector<PackedMatrix>& ColdMatrices(WeightType type, size_t in, size_t out) {
  static std::vector<PackedMatrix> matrices;
  static std::tuple<WeightType, size_t, size_t> held{WeightType::kF32, 0, 0};
  const auto wanted = std::make_tuple(type, in, out);
  if (held == wanted) return matrices;
  matrices.clear();
  held = wanted;
  const AlignedBuffer<float> weights = RandomFloats(in * out);
  do {
    matrices.push_back(PackedMatrix::Pack(type, in, out, weights.data(), /*out_major=*/false));
  } while (matrices.size() < ColdCopies(matrices[0].bytes()));
  return matrices;
}

void BM_Linear(benchmark::State& state, WeightType type, size_t in, size_t out) {
  const auto rows = static_cast<size_t>(state.range(0));
  const std::vector<PackedMatrix>& matrices = ColdMatrices(type, in, out);
  const size_t stride = RoundUp(out, kPanel);
  const AlignedBuffer<float> x = RandomFloats(rows * in);
  const AlignedBuffer<float> bias = RandomFloats(stride);
  AlignedBuffer<float> y(rows * stride);
  LinearArgs args;
  args.x = {x.data(), rows, in, in};
  args.bias = bias.data();
  args.y = {y.data(), rows, out, stride};
  LinearScratch scratch;
  args.scratch = &scratch;
  size_t next = 0;
  for (auto _ : state) {
    args.weights = &matrices[next++ % matrices.size()];
    Linear(args, Pool());
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  Count(state, static_cast<double>(matrices[0].bytes()), 2.0 * static_cast<double>(rows * in * out));
}

const bool registered = [] {
  for (const auto& [in, out] : kShapes) {
    for (const WeightType type : kTypes) {
      const std::string name =
          "linear/" + std::to_string(in) + "x" + std::to_string(out) + "/" + std::string(ToString(type));
      auto* bench = benchmark::RegisterBenchmark(name.c_str(), BM_Linear, type, in, out)->UseRealTime();
      bench->Unit(benchmark::kMicrosecond)->ArgName("rows");
      for (const int64_t rows : kRows) bench->Arg(rows);
    }
  }
  return true;
}();

}  // namespace
}  // namespace dcp::benchmarks
