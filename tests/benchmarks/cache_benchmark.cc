// The kernels that walk the cache: attention, interaction scores, appending and evicting. One thread, GPT-2 small's
// shape; an iteration is one (layer, sequence).
#include <array>
#include <vector>

#include "kernels/attention.h"
#include "kernels/interaction.h"
#include "tests/benchmarks/benchmark_data.h"

namespace dcp::benchmarks {
namespace {

constexpr size_t kInteractionDim = 64;

size_t ColdSets(const PageLayout& layout, size_t kept) {
  return ColdCopies(DivideUp(kept, kPanel) * layout.page_bytes());
}

void BM_AttendOne(benchmark::State& state, KvType type) {
  const auto kept = static_cast<size_t>(state.range(0));
  const PageLayout layout = SmallLayout(type, 0);
  KeptSets sets(layout, kept, ColdSets(layout, kept));
  const AlignedBuffer<float> q = RandomFloats(layout.heads * layout.head_dim);
  AlignedBuffer<float> scratch(AttentionScratch(kept));
  AlignedBuffer<float> out(layout.heads * layout.padded_head_dim());
  size_t next = 0;
  for (auto _ : state) {
    const SlotPages pages = sets[next++ % sets.size()].pages();
    AttendOne(q.data(), pages, 0, layout.heads, scratch.data(), out.data(), nullptr);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  Count(state, static_cast<double>(kept * layout.slot_bytes()),
        4.0 * static_cast<double>(kept * layout.heads * layout.head_dim));
}
BENCHMARK_CAPTURE(BM_AttendOne, f32, KvType::kF32)->ArgName("kept")->RangeMultiplier(2)->Range(64, 1024);
BENCHMARK_CAPTURE(BM_AttendOne, f16, KvType::kF16)->ArgName("kept")->RangeMultiplier(2)->Range(64, 1024);
BENCHMARK_CAPTURE(BM_AttendOne, i8, KvType::kI8)->ArgName("kept")->RangeMultiplier(2)->Range(64, 1024);

void BM_InteractionScores(benchmark::State& state) {
  const auto kept = static_cast<size_t>(state.range(0));
  const PageLayout layout = SmallLayout(KvType::kF32, kInteractionDim);
  // Pages hold K and V besides, which are not read here: far fewer of them than elsewhere outgrow the cache.
  KeptSets sets(layout, kept, DivideUp(ColdSets(layout, kept), 2));
  const AlignedBuffer<float> q_int = RandomFloats(kInteractionDim);
  AlignedBuffer<float> scores(RoundUp(kept, kPanel));
  size_t next = 0;
  for (auto _ : state) {
    InteractionScores(q_int.data(), sets[next++ % sets.size()].pages(), 2.0f, scores.data());
    benchmark::DoNotOptimize(scores.data());
    benchmark::ClobberMemory();
  }
  Count(state, static_cast<double>(kept * kInteractionDim * sizeof(float)),
        2.0 * static_cast<double>(kept * kInteractionDim));
}
BENCHMARK(BM_InteractionScores)->ArgName("kept")->RangeMultiplier(2)->Range(64, 1024);

// A token comes, another goes: the kept set stays at its size.
void BM_AppendEvict(benchmark::State& state, KvType type) {
  const auto kept = static_cast<size_t>(state.range(0));
  const PageLayout layout = SmallLayout(type, kInteractionDim);
  KeptSets sets(layout, kept, ColdSets(layout, kept), /*room=*/1);
  int32_t position = 0;
  size_t next = 0;
  for (auto _ : state) {
    const size_t set = next++ % sets.size();
    sets[set].Reserve(1);
    sets.Append(set, ++position);
    sets[set].Expire(static_cast<uint32_t>(position) % kept, position, 0.0f);
    sets[set].EvictDue(position);
  }
  Count(state, 3.0 * static_cast<double>(layout.slot_bytes()), 0);  // one slot written, one read and written
}
BENCHMARK_CAPTURE(BM_AppendEvict, f32, KvType::kF32)->ArgName("kept")->Arg(60)->Arg(250)->Arg(1000);
BENCHMARK_CAPTURE(BM_AppendEvict, f16, KvType::kF16)->ArgName("kept")->Arg(60)->Arg(250)->Arg(1000);

}  // namespace
}  // namespace dcp::benchmarks
