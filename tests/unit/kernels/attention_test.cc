#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "dcp/eviction_policy.h"
#include "tests/unit/kernels/page_maker.h"

namespace dcp {
namespace {

using kernel_testing::EveryTarget;
using kernel_testing::PageMaker;
using kernel_testing::Random;

constexpr size_t kHeadDims[] = {1, 3, 5, 13, 16, 64, 80};
constexpr KvType kKvTypes[] = {KvType::kF32, KvType::kF16, KvType::kI8};

struct Attended {
  std::vector<double> weights;  // [slots], 0 where not visible
  std::vector<double> out;      // [D]
};

Attended Expected(const PageMaker& kv, size_t head, const float* q, const std::function<bool(size_t)>& visible) {
  const size_t d = kv.pages().layout->head_dim;
  const size_t slots = kv.pages().slots;
  Attended result{std::vector<double>(slots), std::vector<double>(d)};
  double sum = 0;
  for (size_t j = 0; j < slots; ++j) {
    double score = 0;
    for (size_t i = 0; i < d; ++i) score += q[i] * kv.k(j, head, i);
    if (visible(j)) sum += result.weights[j] = std::exp(score / std::sqrt(static_cast<double>(d)));
  }
  for (size_t j = 0; j < slots; ++j) {
    result.weights[j] /= sum;
    for (size_t i = 0; i < d; ++i) result.out[i] += result.weights[j] * kv.v(j, head, i);
  }
  return result;
}

class AttentionTest : public EveryTarget {
 protected:
  Random random_{21};
};

TEST_P(AttentionTest, OneQueryAgreesWithDoublePrecision) {
  for (const KvType type : kKvTypes) {
    for (const size_t d : kHeadDims) {
      for (const size_t slots : {1, 2, 15, 16, 17, 63, 64, 65, 90}) {
        const size_t head = random_.Below(3);
        const PageMaker kv(random_, {3, d, 0, type}, slots);
        const std::vector<float> q = random_.Vector(d, -2, 2);
        AlignedBuffer<float> scratch(AttentionScratch(slots));
        std::vector<float> out(d + 1, 55.0f), received(slots + 1, 1.0f);
        AttendOne(q.data(), kv.pages(), head, 1, scratch.data(), out.data(), received.data());
        const Attended expected = Expected(kv, head, q.data(), [](size_t) { return true; });
        for (size_t i = 0; i < d; ++i) ASSERT_NEAR(out[i], expected.out[i], 1e-5) << "D " << d << " slots " << slots;
        for (size_t j = 0; j < slots; ++j) ASSERT_NEAR(received[j], 1.0 + expected.weights[j], 1e-5);
        EXPECT_EQ(out[d], 55.0f) << "wrote beyond the head";
        EXPECT_EQ(received[slots], 1.0f) << "wrote beyond the slots";
        const std::vector<float> with_received = out;
        AttendOne(q.data(), kv.pages(), head, 1, scratch.data(), out.data(), nullptr);
        EXPECT_EQ(out, with_received);
      }
    }
  }
}

// Heads that are taken together are each what they are alone, bit for bit, and what they received is added in order.
TEST_P(AttentionTest, HeadsDoNotDependOnTheirNeighbours) {
  constexpr size_t kHeads = 11;
  for (const KvType type : kKvTypes) {
    for (const size_t d : {5, 64, 80}) {
      for (const size_t slots : {1, 16, 40, 100}) {
        const PageMaker kv(random_, {kHeads, d, 0, type}, slots);
        const std::vector<float> q = random_.Vector(kHeads * d, -2, 2);
        AlignedBuffer<float> scratch(AttentionScratch(slots));
        std::vector<float> alone(kHeads * d), received_alone(slots);
        for (size_t head = 0; head < kHeads; ++head) {
          AttendOne(q.data() + head * d, kv.pages(), head, 1, scratch.data(), alone.data() + head * d,
                    received_alone.data());
        }
        for (size_t count = 1; count <= kHeads; ++count) {
          std::vector<float> together(kHeads * d), received(slots);
          for (size_t head = 0; head < kHeads; head += count) {
            AttendOne(q.data() + head * d, kv.pages(), head, std::min(count, kHeads - head), scratch.data(),
                      together.data() + head * d, received.data());
          }
          ASSERT_EQ(together, alone) << count << " heads, D " << d << ", slots " << slots;
          ASSERT_EQ(received, received_alone);
        }
      }
    }
  }
}

// Scores too large for exp() itself.
TEST_P(AttentionTest, LargeScoresDoNotOverflow) {
  const PageMaker kv(random_, {1, 8, 0, KvType::kF32}, 20);
  const std::vector<float> q = random_.Vector(8, -3000, 3000);
  AlignedBuffer<float> scratch(AttentionScratch(20));
  std::vector<float> out(8);
  AttendOne(q.data(), kv.pages(), 0, 1, scratch.data(), out.data(), nullptr);
  for (float value : out) EXPECT_TRUE(std::isfinite(value) && std::abs(value) <= 2.0f) << value;
}

// A chunk of queries over slots in any order, some of which expire before, within or after the chunk.
struct Chunk {
  Chunk(Random& random, size_t head_dim, KvType type, size_t earlier, size_t queries)
      : d(head_dim),
        rows(queries),
        slots(earlier + queries),
        first(static_cast<int32_t>(earlier + random.Below(50))),
        kv(random, {2, d, 0, type}, slots),
        q(random.Vector(rows * (d + 3), -2, 2)),
        positions(RoundUp(slots, kPanel), -77),
        expires(RoundUp(slots, kPanel), -77) {
    std::vector<int32_t> old(static_cast<size_t>(first));
    std::iota(old.begin(), old.end(), 0);
    for (size_t j = 0; j < earlier; ++j) {
      std::swap(old[j], old[j + random.Below(old.size() - j)]);
      positions[j] = old[j];
    }
    for (size_t j = earlier; j < slots; ++j) positions[j] = first + static_cast<int32_t>(j - earlier);
    for (size_t j = 0; j < slots; ++j) {
      const int32_t birth = std::max(positions[j], first - 1);
      expires[j] = random.Below(3) == 0 ? kNever : birth + 1 + static_cast<int32_t>(random.Below(rows + 1));
    }
  }

  ChunkAttentionArgs Args(std::vector<float>& out, AlignedBuffer<float>& scratch) const {
    ChunkAttentionArgs args;
    args.q = {q.data(), rows, d, d + 3};
    args.kv = kv.pages();
    args.head = 1;
    args.first_position = first;
    args.positions = positions.data();
    args.expires = expires.data();
    args.scratch = scratch.data();
    args.out = {out.data(), rows, d, d + 1};
    return args;
  }

  size_t d, rows, slots;
  int32_t first;
  PageMaker kv;
  std::vector<float> q;
  std::vector<int32_t> positions, expires;
};

TEST_P(AttentionTest, ChunksAgreeWithDoublePrecision) {
  for (const KvType type : kKvTypes) {
    for (const size_t d : kHeadDims) {
      for (int round = 0; round < 6; ++round) {
        const Chunk chunk(random_, d, type, random_.Below(40), 1 + random_.Below(30));
        AlignedBuffer<float> scratch(AttentionScratch(chunk.slots));
        std::vector<float> out(chunk.rows * (d + 1), 55.0f);
        AttendChunk(chunk.Args(out, scratch), 0, chunk.rows);
        for (size_t r = 0; r < chunk.rows; ++r) {
          const int32_t n = chunk.first + static_cast<int32_t>(r);
          const Attended expected = Expected(chunk.kv, 1, chunk.q.data() + r * (d + 3),
                                             [&](size_t j) { return chunk.positions[j] <= n && n < chunk.expires[j]; });
          for (size_t i = 0; i < d; ++i) ASSERT_NEAR(out[r * (d + 1) + i], expected.out[i], 1e-5) << "row " << r;
          ASSERT_EQ(out[r * (d + 1) + d], 55.0f) << "wrote beyond the head";
        }
      }
    }
  }
}

TEST_P(AttentionTest, APieceOfAChunkIsThatPieceBitForBit) {
  const Chunk chunk(random_, 13, KvType::kF32, 21, 29);
  AlignedBuffer<float> scratch(AttentionScratch(chunk.slots));
  std::vector<float> whole(chunk.rows * 14), pieces(chunk.rows * 14);
  AttendChunk(chunk.Args(whole, scratch), 0, chunk.rows);
  for (size_t begin = 0; begin < chunk.rows; begin += 2 * kChunkQueries) {
    AttendChunk(chunk.Args(pieces, scratch), begin, std::min(begin + 2 * kChunkQueries, chunk.rows));
  }
  EXPECT_EQ(pieces, whole);
}

DCP_FOR_EVERY_TARGET(AttentionTest);

}  // namespace
}  // namespace dcp
