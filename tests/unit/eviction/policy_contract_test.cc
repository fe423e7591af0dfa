// Policies that break their contract: a clear error, in release too, and no harm to other sequences.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "tests/unit/runtime/session_testing.h"

namespace dcp {
namespace {

using session_testing::AddFed;
using session_testing::ExpectError;
using session_testing::Ids;
using session_testing::SmallModel;
using Rule = EvictionPolicy::ChunkRule;

// Answers as it is told.
class ToldPolicy final : public EvictionPolicy {
 public:
  std::string name() const override { return "told"; }
  bool NeedsInteraction() const override { return interaction; }
  bool NeedsAttention() const override { return attention; }
  bool FollowsDelay() const override { return delay; }
  ChunkRule chunk_rule() const override { return rule; }
  int32_t ExpiresAt(int32_t position) const override { return expires_at(position); }
  void Select(const SlotsView& slots, std::vector<Eviction>& evictions) const override { select(slots, evictions); }

  Rule rule = Rule::kTokenByToken;
  bool interaction = false, attention = false, delay = false;
  std::function<int32_t(int32_t)> expires_at = [](int32_t) { return kNever; };
  std::function<void(const SlotsView&, std::vector<Eviction>&)> select = [](const SlotsView&, std::vector<Eviction>&) {
  };
};

class PolicyContract : public testing::Test {
 protected:
  Session MakeSession(const ToldPolicy& policy) {
    SessionOptions options;
    options.policy = std::make_shared<ToldPolicy>(policy);
    options.prefill_chunk = 8;
    return Session(SmallModel(1, 4), pool_, options);
  }

  // Expects feeding to fail when position 10 is reached, in decode as in prefill, and only what was fed to be broken.
  void ExpectMisdeed(const ToldPolicy& policy, const std::function<void(const std::function<void()>&)>& expect) {
    for (const bool decode : {false, true}) {
      Session session = MakeSession(policy);
      const SequenceId other = AddFed(session, Ids(5)), bad = AddFed(session, Ids(decode ? 10 : 9));
      const std::vector<TokenId> more = Ids(decode ? 1 : 3);
      expect([&] {
        const FeedItem item{bad, more};
        decode ? session.Decode({&bad, 1}, more) : session.Prefill({&item, 1});
      });
      ExpectError(ErrorCode::kInvalidArgument, {"failed midway"}, [&] { session.Decode({&bad, 1}, {more.data(), 1}); });
      session.Finish(bad);
      session.Decode({&other, 1}, {more.data(), 1});
      EXPECT_EQ(session.cache().SeenTokens(other), 6);
      session.Finish(other);
      EXPECT_EQ(session.cache().Stats().pages_in_use, 0u);
    }
  }

  void ExpectRejected(const ToldPolicy& policy, const std::vector<std::string>& parts) {
    ExpectMisdeed(policy,
                  [&](const std::function<void()>& feed) { ExpectError(ErrorCode::kInvalidArgument, parts, feed); });
  }

  ThreadPool pool_{2};
};

TEST_F(PolicyContract, MethodsThatContradictEachOtherAreRefused) {
  ToldPolicy waits;
  waits.rule = Rule::kExpiry;
  waits.delay = true;
  ExpectError(ErrorCode::kInvalidArgument, {"told", "kExpiry", "FollowsDelay"}, [&] { MakeSession(waits); });
  ToldPolicy blind;
  blind.rule = Rule::kThreshold;
  ExpectError(ErrorCode::kInvalidArgument, {"told", "kThreshold", "NeedsInteraction"}, [&] { MakeSession(blind); });
  for (const Rule rule : {Rule::kExpiry, Rule::kThreshold}) {
    ToldPolicy attentive;
    attentive.rule = rule;
    attentive.interaction = attentive.attention = true;
    ExpectError(ErrorCode::kInvalidArgument, {"told", "NeedsAttention"}, [&] { MakeSession(attentive); });
  }
}

// A layer that needs what the whole policy does not say, and layers that the model lacks.
TEST_F(PolicyContract, LayersAreHeldToWhatTheWholeSays) {
  class Layers final : public EvictionPolicy {
   public:
    std::string name() const override { return "layers"; }
    void Select(const SlotsView&, std::vector<Eviction>&) const override {}
    const EvictionPolicy& ForLayer(int layer) const override {
      if (layer == 1) return of_one;
      return *this;
    }
    ToldPolicy of_one;
  };
  const auto refuse = [&](const std::shared_ptr<const EvictionPolicy>& policy, const std::vector<std::string>& parts) {
    SessionOptions options;
    options.policy = policy;
    ExpectError(ErrorCode::kInvalidArgument, parts, [&] { Session(SmallModel(1, 4), pool_, options); });
  };
  const auto layers = std::make_shared<Layers>();
  layers->of_one.attention = true;
  refuse(layers, {"layers", "NeedsAttention is false", "layer 1"});
  layers->of_one.attention = false;
  layers->of_one.interaction = true;
  refuse(layers, {"layers", "NeedsInteraction is false", "layer 1"});
  layers->of_one.interaction = false;
  layers->of_one.rule = Rule::kThreshold;
  refuse(layers, {"told", "kThreshold", "NeedsInteraction"});
  refuse(MakePolicy(ParsePolicy("window:4@1,3")), {"window:4@1,3", "layer 3", "has 3"});
}

TEST_F(PolicyContract, SlotsThatMustNotGoAreAnError) {
  struct Misdeed {
    std::vector<uint32_t> slots;
    std::vector<std::string> parts;
  };
  for (const Misdeed& misdeed : std::vector<Misdeed>{{{10}, {"told", "10", "11"}},
                                                     {{11}, {"told", "11"}},
                                                     {{0, 4000000000}, {"told", "4000000000", "11"}},
                                                     {{3, 3}, {"told", "3 and then 3"}},
                                                     {{5, 2}, {"told", "5 and then 2"}}}) {
    ToldPolicy policy;
    policy.select = [&misdeed](const SlotsView& slots, std::vector<Eviction>& evictions) {
      if (slots.position != 10) return;
      for (const uint32_t slot : misdeed.slots) evictions.push_back({slot});
    };
    ExpectRejected(policy, misdeed.parts);
    policy.attention = true;
    ExpectRejected(policy, misdeed.parts);
    policy.delay = true;
    ExpectRejected(policy, misdeed.parts);
  }
}

TEST_F(PolicyContract, ATokenThatExpiresBeforeItAttendsIsAnError) {
  ToldPolicy policy;
  policy.rule = Rule::kExpiry;
  policy.expires_at = [](int32_t position) { return position == 10 ? 10 : kNever; };
  ExpectRejected(policy, {"told", "ExpiresAt(10)", "11"});
}

TEST_F(PolicyContract, WhatAPolicyThrowsComesOut) {
  ToldPolicy policy;
  policy.select = [](const SlotsView& slots, std::vector<Eviction>&) {
    if (slots.position == 10) throw std::out_of_range("mine");
  };
  ExpectMisdeed(policy, [](const std::function<void()>& feed) { EXPECT_THROW(feed(), std::out_of_range); });
}

// Of several decisions about a slot the one that takes effect first counts.
TEST_F(PolicyContract, LaterDecisionsChangeNothing) {
  ToldPolicy policy;
  policy.delay = true;  // of 4
  policy.select = [](const SlotsView& slots, std::vector<Eviction>& evictions) {
    for (uint32_t i = 0; i + 1 < slots.positions.size(); ++i) {
      if (slots.positions[i] == 0) evictions.push_back({i, 0.0f, true});  // again and again
      if (slots.positions[i] == 1 && slots.position == 3) evictions.push_back({i, 0.0f, true});
      if (slots.positions[i] == 1 && slots.position == 5) evictions.push_back({i});
    }
  };
  SessionOptions options;
  options.policy = std::make_shared<ToldPolicy>(policy);
  options.record_drops = true;
  Session session(SmallModel(1, 4), pool_, options);
  const SequenceId id = AddFed(session, Ids(12));
  EXPECT_EQ(session.Drops(0, id).dropped_at[0], 5);
  EXPECT_EQ(session.Drops(0, id).dropped_at[1], 5) << "at once comes before what was to wait until 7";
  EXPECT_EQ(session.cache().KeptTokens(0, id), 10);
}

}  // namespace
}  // namespace dcp
