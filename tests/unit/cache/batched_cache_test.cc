#include "cache/batched_cache.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/runtime/session_testing.h"

namespace dcp {
namespace {

using session_testing::AddFed;
using session_testing::ExpectError;
using session_testing::Ids;
using session_testing::KeptSets;
using session_testing::SmallModel;
using session_testing::WithPolicy;

class BatchedCacheTest : public testing::TestWithParam<const char*> {
 protected:
  Session MakeSession(KvType type = KvType::kF32) {
    SessionOptions options = WithPolicy(GetParam());
    options.kv_type = type;
    return Session(model_, pool_, options);
  }

  std::shared_ptr<const Model> model_ = SmallModel();
  ThreadPool pool_{2};
};

TEST_P(BatchedCacheTest, StatsFollowFromTheKeptSets) {
  for (const KvType type : {KvType::kF32, KvType::kF16, KvType::kI8}) {
    Session session = MakeSession(type);
    const KvCache& cache = session.cache();
    const bool has_k_int = session.policy().NeedsInteraction();
    const size_t dense_slot_bytes = type == KvType::kF32   ? 2 * 10 * 4
                                    : type == KvType::kF16 ? 2 * 10 * 2
                                                           : 2 * (10 + 2 * 4);
    const size_t slot_bytes = dense_slot_bytes + (has_k_int ? 5 * 4 : 0);
    CacheStats expected;
    for (const size_t tokens : {1, 17, 70}) {
      const SequenceId id = AddFed(session, Ids(tokens));
      CacheStats one;
      double sparsity = 0;
      for (int layer = 0; layer < 3; ++layer) {
        const auto kept = static_cast<size_t>(cache.KeptTokens(layer, id));
        ASSERT_EQ(cache.SlotPositions(layer, id).size(), kept);
        one.kept_slots += static_cast<int64_t>(kept);
        one.pages_in_use += (kept + kSlotsPerPage - 1) / kSlotsPerPage;
        if (tokens > 1) sparsity += (static_cast<double>(tokens - kept)) / static_cast<double>(tokens - 1) / 3;
      }
      const CacheStats stats = cache.Stats(id);
      EXPECT_EQ(stats.seen_tokens, static_cast<int64_t>(tokens));
      EXPECT_EQ(stats.kept_slots, one.kept_slots);
      EXPECT_EQ(stats.live_bytes, static_cast<size_t>(one.kept_slots) * slot_bytes);
      EXPECT_EQ(stats.dense_bytes, tokens * 3 * dense_slot_bytes);
      EXPECT_EQ(stats.pages_in_use, one.pages_in_use);
      EXPECT_EQ(stats.pages_free, 0u);
      EXPECT_GE(stats.reserved_bytes, one.pages_in_use * stats.page_bytes);
      EXPECT_NEAR(cache.Sparsity(id), sparsity, 1e-12);
      expected.seen_tokens += stats.seen_tokens;
      expected.kept_slots += stats.kept_slots;
      expected.live_bytes += stats.live_bytes;
      expected.dense_bytes += stats.dense_bytes;
      expected.pages_in_use += stats.pages_in_use;
      expected.reserved_bytes += stats.reserved_bytes;
    }
    const CacheStats all = cache.Stats();
    EXPECT_EQ(all.seen_tokens, expected.seen_tokens);
    EXPECT_EQ(all.kept_slots, expected.kept_slots);
    EXPECT_EQ(all.live_bytes, expected.live_bytes);
    EXPECT_EQ(all.dense_bytes, expected.dense_bytes);
    EXPECT_EQ(all.pages_in_use, expected.pages_in_use);
    EXPECT_EQ(all.reserved_bytes, expected.reserved_bytes + all.pages_free * all.page_bytes);
  }
}

TEST_P(BatchedCacheTest, KeptPositionsAreTheSlotsInOrder) {
  Session session = MakeSession();
  const SequenceId id = AddFed(session, Ids(60));
  for (int layer = 0; layer < 3; ++layer) {
    std::vector<int32_t> slots = session.cache().SlotPositions(layer, id);
    std::sort(slots.begin(), slots.end());
    EXPECT_EQ(session.cache().KeptPositions(layer, id), slots);
    EXPECT_EQ(slots.back(), 59) << "the last token never drops itself";
    EXPECT_EQ(std::adjacent_find(slots.begin(), slots.end()), slots.end());
  }
}

TEST_P(BatchedCacheTest, ClonesAndRemovalsLeaveTheOthersAlone) {
  Session session = MakeSession();
  const SequenceId a = AddFed(session, Ids(40)), b = AddFed(session, Ids(33, 9));
  const SequenceId copy = session.Clone(a);
  EXPECT_EQ(session.cache().Sequences(), (std::vector<SequenceId>{a, b, copy}));
  auto sets = KeptSets(session);
  EXPECT_EQ(sets[2], sets[0]);
  EXPECT_EQ(session.cache().SeenTokens(copy), 40);
  const TokenId next = 5;
  session.Decode({&copy, 1}, {&next, 1});
  EXPECT_EQ(KeptSets(session)[0], sets[0]);
  session.Finish(a);
  sets.erase(sets.begin());
  EXPECT_EQ(session.cache().Sequences(), (std::vector<SequenceId>{b, copy}));
  EXPECT_EQ(KeptSets(session)[0], sets[0]);
  EXPECT_EQ(session.cache().SeenTokens(copy), 41);
  session.Finish(copy);
  session.Finish(b);
  EXPECT_EQ(session.cache().Stats().pages_in_use, 0u);
  EXPECT_EQ(session.cache().Stats().reserved_bytes, 0u);
}

TEST_P(BatchedCacheTest, WhatIsNotThereIsAnError) {
  Session session = MakeSession();
  const SequenceId id = AddFed(session, Ids(4)), gone = AddFed(session, Ids(4));
  session.Finish(gone);
  const KvCache& cache = session.cache();
  for (const SequenceId unknown : {gone, SequenceId{-1}, SequenceId{1000}}) {
    const std::function<void()> calls[] = {
        [&] { cache.Stats(unknown); },
        [&] { cache.SeenTokens(unknown); },
        [&] { cache.KeptTokens(0, unknown); },
        [&] { cache.KeptPositions(0, unknown); },
        [&] { cache.SlotPositions(0, unknown); },
        [&] { cache.Sparsity(unknown); },
        [&] { session.Clone(unknown); },
        [&] { session.Finish(unknown); },
        [&] { session.Remaining(unknown); },
    };
    for (const auto& call : calls) ExpectError(ErrorCode::kInvalidArgument, {std::to_string(unknown)}, call);
  }
  for (const int layer : {-1, 3}) {
    const std::function<void()> calls[] = {[&] { cache.KeptTokens(layer, id); },
                                           [&] { cache.KeptPositions(layer, id); },
                                           [&] { cache.SlotPositions(layer, id); }};
    for (const auto& call : calls) ExpectError(ErrorCode::kInvalidArgument, {std::to_string(layer)}, call);
  }
  EXPECT_EQ(cache.Sequences(), std::vector<SequenceId>{id});
}

INSTANTIATE_TEST_SUITE_P(Policies, BatchedCacheTest, testing::Values("dense", "learned", "window:20", "h2o:24"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::erase(name, ':');
                           return name;
                         });

TEST(BatchedCache, AnEmptySequenceHoldsNothing) {
  ThreadPool pool(1);
  Session session(SmallModel(), pool, WithPolicy("learned"));
  const SequenceId id = session.Add();
  const CacheStats stats = session.cache().Stats();
  EXPECT_EQ(stats.kept_slots, 0);
  EXPECT_EQ(stats.pages_in_use, 0u);
  EXPECT_EQ(session.cache().Sparsity(id), 0.0);
  EXPECT_EQ(session.cache().KeptPositions(0, id), std::vector<int32_t>());
  EXPECT_EQ(session.cache().SeenTokens(session.Clone(id)), 0);
}

}  // namespace
}  // namespace dcp
