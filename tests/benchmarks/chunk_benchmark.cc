// The kernels of prefill that walk the cache: attention and decisions of a chunk. One thread, GPT-2 small's shape; an
// iteration is a chunk of 64 tokens after `earlier` tokens, all heads. And GELU, which ends every product of an MLP.
#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/attention.h"
#include "kernels/interaction.h"
#include "kernels/linear.h"
#include "tests/benchmarks/benchmark_data.h"

namespace dcp::benchmarks {
namespace {

constexpr size_t kChunk = 64;
constexpr size_t kInteractionDim = 64;
constexpr int32_t kNotDropped = std::numeric_limits<int32_t>::max();

// A chunk that stands behind earlier tokens, none of them dropped.
struct Chunk {
  Chunk(KvType type, size_t int_dim, size_t before)
      : layout(SmallLayout(type, int_dim)), slots(before + kChunk), sets(layout, slots, 1), expires(Padded()) {
    std::fill(expires.data(), expires.data() + expires.size(), kNotDropped);
  }
  size_t Padded() const { return RoundUp(slots, kPanel); }
  int32_t first_position() const { return static_cast<int32_t>(slots - kChunk); }

  PageLayout layout;
  size_t slots;
  KeptSets sets;
  AlignedBuffer<int32_t> expires;
};

void BM_AttendChunk(benchmark::State& state, KvType type) {
  Chunk chunk(type, 0, static_cast<size_t>(state.range(0)));
  const size_t width = chunk.layout.heads * chunk.layout.head_dim;
  const AlignedBuffer<float> q = RandomFloats(kChunk * width);
  AlignedBuffer<float> out(kChunk * width), scratch(AttentionScratch(chunk.slots));
  ChunkAttentionArgs args;
  args.kv = chunk.sets[0].pages();
  args.first_position = chunk.first_position();
  args.positions = chunk.sets[0].positions();
  args.expires = chunk.expires.data();
  args.scratch = scratch.data();
  for (auto _ : state) {
    for (args.head = 0; args.head < chunk.layout.heads; ++args.head) {
      const size_t column = args.head * chunk.layout.head_dim;
      args.q = {q.data() + column, kChunk, chunk.layout.head_dim, width};
      args.out = {out.data() + column, kChunk, chunk.layout.head_dim, width};
      AttendChunk(args, 0, kChunk);
    }
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  const double pairs = static_cast<double>(kChunk) * static_cast<double>(chunk.slots - kChunk / 2);
  Count(state, static_cast<double>(chunk.slots * chunk.layout.slot_bytes()), 4.0 * pairs * static_cast<double>(width));
}
BENCHMARK_CAPTURE(BM_AttendChunk, f32, KvType::kF32)->ArgName("earlier")->Arg(0)->Arg(448)->Arg(896);
BENCHMARK_CAPTURE(BM_AttendChunk, f16, KvType::kF16)->ArgName("earlier")->Arg(0)->Arg(448)->Arg(896);

void BM_DropChunk(benchmark::State& state) {
  Chunk chunk(KvType::kF32, kInteractionDim, static_cast<size_t>(state.range(0)));
  const AlignedBuffer<float> q_int = RandomFloats(kChunk * kInteractionDim);
  AlignedBuffer<float> scores(chunk.Padded());
  ChunkDropArgs args;
  args.q_int = {q_int.data(), kChunk, kInteractionDim, kInteractionDim};
  args.keys = chunk.sets[0].pages();
  args.threshold = std::numeric_limits<float>::lowest();  // nothing goes: every iteration finds the same
  args.first_position = chunk.first_position();
  args.positions = chunk.sets[0].positions();
  args.expires = chunk.expires.data();
  args.drop_scores = scores.data();
  for (auto _ : state) {
    DropChunk(args, 0, args.keys.page_count());
    benchmark::DoNotOptimize(scores.data());
    benchmark::ClobberMemory();
  }
  Count(state, static_cast<double>(chunk.slots * kInteractionDim * sizeof(float)),
        2.0 * static_cast<double>(kChunk * chunk.slots * kInteractionDim));
}
BENCHMARK(BM_DropChunk)->ArgName("earlier")->Arg(0)->Arg(448)->Arg(896);

// A product with a single input costs next to nothing beside its ending.
void BM_Gelu(benchmark::State& state, Activation activation) {
  constexpr size_t kWidth = 3072;
  const AlignedBuffer<float> weights = RandomFloats(kWidth);
  const PackedMatrix packed = PackedMatrix::Pack(WeightType::kF32, 1, kWidth, weights.data(), /*out_major=*/false);
  const float x = 1.5f;
  AlignedBuffer<float> y(kWidth);
  ThreadPool one(1);
  for (auto _ : state) {
    Linear({.x = {&x, 1, 1, 1},
            .weights = &packed,
            .activation = activation,
            .residual = {},
            .y = {y.data(), 1, kWidth, kWidth}},
           one);
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kWidth));
}
BENCHMARK_CAPTURE(BM_Gelu, none, Activation::kIdentity);
BENCHMARK_CAPTURE(BM_Gelu, gelu, Activation::kGeluTanh);

}  // namespace
}  // namespace dcp::benchmarks
