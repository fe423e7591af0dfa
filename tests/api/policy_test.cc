// Promises of eviction_policy.h, of policies that a program brings itself included: their vtables are on this side of
// the shared library. Each way in which methods can contradict each other is in
// tests/unit/eviction/policy_contract_test.cc.
#include <cmath>
#include <functional>
#include <limits>

#include "tests/api/api_testing.h"

namespace dcp {
namespace {

using api_testing::AddFed;
using api_testing::ExpectError;
using api_testing::Ids;
using api_testing::SmallModel;
using api_testing::SmallShape;

// Drops what `select` says.
class Foreign : public EvictionPolicy {
 public:
  explicit Foreign(std::function<void(const SlotsView&, std::vector<Eviction>&)> select) : select_(std::move(select)) {}
  std::string name() const override { return "foreign"; }
  void Select(const SlotsView& slots, std::vector<Eviction>& evictions) const override { select_(slots, evictions); }

 private:
  std::function<void(const SlotsView&, std::vector<Eviction>&)> select_;
};

class PolicyApi : public testing::Test {
 protected:
  SessionOptions With(std::function<void(const SlotsView&, std::vector<Eviction>&)> select) {
    SessionOptions options;
    options.policy = std::make_shared<const Foreign>(std::move(select));
    return options;
  }

  ThreadPool pool_{2};
};

TEST_F(PolicyApi, OneOfTheProgramDecides) {
  Session session(SmallModel(), pool_, With([](const SlotsView& slots, std::vector<Eviction>& evictions) {
                    EXPECT_EQ(slots.positions.back(), slots.position);
                    EXPECT_TRUE(slots.scores.empty());
                    EXPECT_TRUE(slots.attention.empty());
                    if (slots.positions.size() > 3) evictions.push_back({.slot = 0});
                  }));
  const SequenceId sequence = AddFed(session, Ids(20));
  EXPECT_EQ(session.cache().KeptTokens(2, sequence), 3);
  EXPECT_EQ(session.policy().name(), "foreign");
}

TEST_F(PolicyApi, WhatItThrowsComesOutAsItIs) {
  struct Own {
    int number;
  };
  Session session(SmallModel(), pool_, With([](const SlotsView& slots, std::vector<Eviction>&) {
                    if (slots.position == 7) throw Own{42};
                  }));
  const SequenceId sequence = session.Add();
  const std::vector<TokenId> ids = Ids(10);
  const FeedItem item{sequence, ids};
  try {
    session.Prefill({&item, 1});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Own& own) {
    EXPECT_EQ(own.number, 42);
  }
  // "The sequences of the call can then only be finished."
  const TokenId next = 1;
  ExpectError(ErrorCode::kInvalidArgument, {"finish"}, [&] { session.Decode({&sequence, 1}, {&next, 1}); });
  session.Finish(sequence);
  EXPECT_TRUE(session.cache().Sequences().empty());
}

TEST_F(PolicyApi, SlotsThatItMustNotNameAreAnError) {
  const auto refused = [&](std::vector<uint32_t> slots, const std::vector<std::string>& names) {
    Session session(SmallModel(), pool_, With([&](const SlotsView& view, std::vector<Eviction>& evictions) {
                      if (view.position < 5) return;
                      for (const uint32_t slot : slots) evictions.push_back({.slot = slot});
                    }));
    ExpectError(ErrorCode::kInvalidArgument, names, [&] { AddFed(session, Ids(10)); });
  };
  refused({5}, {"foreign", "5", "6 slots"});
  refused({100}, {"foreign", "100"});
  refused({1, 1}, {"foreign", "must increase"});
  refused({2, 0}, {"foreign", "must increase"});
}

TEST(PolicySpecApi, WhatItCannotReadNamesTheText) {
  for (const std::string text :
       {"", "windw:3", "window", "window:", "window:0", "window:-1", "window:3,4", "sinks:4", "strided:0,4", "h2o:1",
        "window:120%", "window:4@", "window:4@2-1", "window:4@1+window:5@1", "dense+learned", "window:99999999999"}) {
    ExpectError(ErrorCode::kInvalidArgument, {'"' + text + '"'}, [&] { ParsePolicy(text); });
  }
}

TEST(PolicySpecApi, SpellingsAreRead) {
  EXPECT_EQ(ParsePolicy("sinks:4,16").sinks, 4);
  EXPECT_EQ(ParsePolicy("sinks:4,16").window, 16);
  EXPECT_EQ(ParsePolicy("window:20%").shares.window, 20);
  EXPECT_TRUE(ParsePolicy("window:8@0+learned").Has(PolicySpec::Kind::kLearned));
  EXPECT_FALSE(ParsePolicy("window:8@0+learned").Has(PolicySpec::Kind::kH2O));
}

TEST(MakePolicyApi, ValuesOutOfRangeAreNamed) {
  const auto refused = [](const PolicySpec& spec, int context, const std::vector<std::string>& names) {
    ExpectError(ErrorCode::kInvalidArgument, names, [&] { MakePolicy(spec, context); });
  };
  using Kind = PolicySpec::Kind;
  refused({.kind = Kind::kWindow}, 0, {"window", "0", "1"});
  refused({.kind = Kind::kSinks, .window = 4, .sinks = -1}, 0, {"sinks", "-1", "0"});
  refused({.kind = Kind::kStrided, .window = 4}, 0, {"stride", "0", "1"});
  refused({.kind = Kind::kH2O, .budget = 1}, 0, {"budget", "1", "2"});
  refused({.kind = Kind::kLearned, .threshold = std::nanf("")}, 0, {"threshold", "NaN"});
  refused({.max_kept = -1}, 0, {"max_kept", "-1", "0"});
  refused({.kind = Kind::kWindow, .shares = {.window = 101}}, 100, {"window", "101"});
  refused(ParsePolicy("window:20%"), 0, {"20 %", "context is 0"});
  refused({.layers = {{2, 1}}}, 0, {"2 to 1"});
  refused({.layers = {{0, 1}}, .others = {{.layers = {{1, 2}}}}}, 0, {"layer 1", "twice"});
  refused({.others = {{.kind = Kind::kLearned}}}, 0, {"2 rules"});
  refused({.kind = static_cast<Kind>(77)}, 0, {"unknown kind 77"});
  EXPECT_EQ(MakePolicy(ParsePolicy("window:20%"), 100)->name(), "window:20");
}

TEST_F(PolicyApi, SessionsRefuseWhatAModelCannot) {
  ModelConfig plain = SmallShape();
  plain.int_n_embd = 0;
  const auto model = Model::Random(plain, 1);
  ExpectError(ErrorCode::kInvalidArgument, {"learned", "interaction"},
              [&] { Session session(model, pool_, api_testing::WithPolicy("learned")); });
  ExpectError(ErrorCode::kInvalidArgument, {"layer 3", "3"},
              [&] { Session session(model, pool_, api_testing::WithPolicy("window:2@3")); });
  EXPECT_EQ(Session(model, pool_).policy().name(), "dense");
  EXPECT_EQ(Session(SmallModel(), pool_).policy().name(), "learned");
}

}  // namespace
}  // namespace dcp
