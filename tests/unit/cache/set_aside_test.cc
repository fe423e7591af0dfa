#include "cache/set_aside.h"

#include <gtest/gtest.h>

#include "tests/unit/runtime/session_testing.h"

namespace dcp {
namespace {

using session_testing::AddFed;
using session_testing::Ids;
using session_testing::KeptSets;
using session_testing::SmallModel;
using session_testing::WithPolicy;

BatchedCache& CacheOf(Session& session) {
  return const_cast<BatchedCache&>(static_cast<const BatchedCache&>(session.cache()));
}

TEST(SetAside, SequencesComeBackBitForBitAndUnderTheirIds) {
  ThreadPool pool(2);
  for (const char* policy : {"dense", "learned", "h2o:12", "window:9"}) {
    Session session(SmallModel(), pool, WithPolicy(policy));
    const SequenceId a = AddFed(session, Ids(40)), b = session.Clone(a), other = AddFed(session, Ids(30, 5));
    const SequenceId untouched = session.Clone(a);
    const TokenId token = 7;
    session.Decode({&b, 1}, {&token, 1});
    const auto before = KeptSets(session);
    const CacheStats stats = session.cache().Stats();
    const SequenceId ids[] = {a, b};
    SetAsideSequences aside(CacheOf(session), ids);
    EXPECT_EQ(session.cache().Sequences(), (std::vector<SequenceId>{other, untouched}));
    EXPECT_LT(session.cache().Stats().reserved_bytes, stats.reserved_bytes) << policy;
    AddFed(session, Ids(50, 11));  // takes the pages that were free
    aside.BringBack();
    auto after = KeptSets(session);
    after.pop_back();
    EXPECT_EQ(after, before) << policy;
    const std::vector<float> fresh = [&] {
      const Logits logits = session.Decode({&a, 1}, {&token, 1});
      return std::vector<float>(logits.row(0).begin(), logits.row(0).end());
    }();
    const Logits logits = session.Decode({&untouched, 1}, {&token, 1});
    EXPECT_EQ(fresh, std::vector<float>(logits.row(0).begin(), logits.row(0).end())) << policy;
  }
}

// The scheduler describes a cancelled request so: with a cache that is full, its budget would be passed otherwise.
TEST(SetAside, WhatIsBackToBeRemovedIsNoMemoryOfTheCache) {
  ThreadPool pool(1);
  Session session(SmallModel(), pool, WithPolicy("dense"));
  const SequenceId ids[] = {AddFed(session, Ids(40)), AddFed(session, Ids(30, 5))};
  SetAsideSequences aside(CacheOf(session), ids);
  AddFed(session, Ids(50, 11));
  const size_t full = session.cache().Stats().reserved_bytes;
  aside.BringBackToRemove();
  EXPECT_EQ(session.cache().Sequences().size(), 3u);
  EXPECT_EQ(CacheOf(session).reserved_bytes(), full);
  for (const SequenceId id : ids) session.Finish(id);
  EXPECT_EQ(CacheOf(session).reserved_bytes(), full);
}

TEST(SetAside, PagesThatSequencesShareAreKeptOnce) {
  ThreadPool pool(1);
  Session session(SmallModel(), pool, WithPolicy("dense"));
  const SequenceId a = AddFed(session, Ids(64));
  const size_t pages = session.cache().Stats().pages_in_use;
  const SequenceId ids[] = {a, session.Clone(a), session.Clone(a)};
  SetAsideSequences aside(CacheOf(session), ids);
  EXPECT_EQ(aside.pages(), pages);
  EXPECT_EQ(session.cache().Stats().pages_in_use, 0u);
  aside.BringBack();
  EXPECT_EQ(session.cache().Stats().pages_in_use, pages);
}

TEST(SetAside, WhatIsNotWantedBackCanBeDescribedAndRemoved) {
  ThreadPool pool(1);
  Session session(SmallModel(), pool, WithPolicy("learned"));
  const SequenceId a = AddFed(session, Ids(40));
  const auto kept = session.cache().KeptPositions(0, a);
  SetAsideSequences aside(CacheOf(session), {&a, 1});
  aside.BringBackToRemove();
  EXPECT_EQ(session.cache().KeptPositions(0, a), kept);
  session.Finish(a);
  EXPECT_TRUE(session.cache().Sequences().empty());
}

}  // namespace
}  // namespace dcp
