#include "dcp/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <thread>

#include "tests/unit/runtime/session_testing.h"

namespace dcp {
namespace {

using session_testing::AddFed;
using session_testing::ExpectError;
using session_testing::Ids;
using session_testing::KeptSets;
using session_testing::SmallModel;
using session_testing::SmallShape;
using session_testing::WithPolicy;

class SessionTest : public testing::Test {
 protected:
  // Expects a call to fail, and the session to be as it was.
  void ExpectRefused(ErrorCode code, const std::vector<std::string>& parts, const std::function<void()>& call) {
    const auto sets = KeptSets(session_);
    const auto sequences = session_.cache().Sequences();
    ExpectError(code, parts, call);
    EXPECT_EQ(session_.cache().Sequences(), sequences);
    EXPECT_EQ(KeptSets(session_), sets);
    EXPECT_EQ(session_.cache().SeenTokens(a_), 20);
    EXPECT_EQ(session_.cache().SeenTokens(b_), 78);
  }

  void ExpectPrefillRefused(ErrorCode code, const std::vector<std::string>& parts, const std::vector<FeedItem>& items) {
    ExpectRefused(code, parts, [&] { session_.Prefill(items); });
  }

  ThreadPool pool_{2};
  Session session_{SmallModel(), pool_, WithPolicy("learned")};
  SequenceId a_ = AddFed(session_, Ids(20));
  SequenceId b_ = AddFed(session_, Ids(78));
};

TEST_F(SessionTest, PrefillChecksEverythingFirst) {
  const std::vector<TokenId> good = Ids(2), none, below = {1, -1}, above = {53}, three = Ids(3);
  ExpectPrefillRefused(ErrorCode::kInvalidArgument, {"0 tokens"}, {{a_, good}, {b_, none}});
  ExpectPrefillRefused(ErrorCode::kInvalidArgument, {"-1", "52"}, {{a_, good}, {b_, below}});
  ExpectPrefillRefused(ErrorCode::kInvalidArgument, {"53", "52"}, {{a_, good}, {b_, above}});
  ExpectPrefillRefused(ErrorCode::kInvalidArgument, {"twice"}, {{a_, good}, {b_, good}, {a_, good}});
  ExpectPrefillRefused(ErrorCode::kInvalidArgument, {"77"}, {{a_, good}, {77, good}});
  ExpectPrefillRefused(ErrorCode::kContextFull, {"81", "80"}, {{a_, good}, {b_, three}});
}

TEST_F(SessionTest, DecodeChecksEverythingFirst) {
  const auto refused = [&](ErrorCode code, const std::vector<std::string>& parts, std::vector<SequenceId> sequences,
                           std::vector<TokenId> tokens) {
    ExpectRefused(code, parts, [&] { session_.Decode(sequences, tokens); });
  };
  refused(ErrorCode::kInvalidArgument, {"2 sequences", "1 tokens"}, {a_, b_}, {1});
  refused(ErrorCode::kInvalidArgument, {"twice"}, {a_, a_}, {1, 1});
  refused(ErrorCode::kInvalidArgument, {"53"}, {a_, b_}, {1, 53});
  refused(ErrorCode::kInvalidArgument, {"-5"}, {a_, b_}, {-5, 1});
  refused(ErrorCode::kInvalidArgument, {"77"}, {a_, 77}, {1, 1});
}

TEST_F(SessionTest, ContextIsFullAtP) {
  EXPECT_EQ(session_.Remaining(b_), 2);
  const SequenceId both[] = {a_, b_};
  const TokenId tokens[] = {1, 2};
  session_.Decode(both, tokens);
  session_.Decode(both, tokens);
  EXPECT_EQ(session_.Remaining(b_), 0);
  const auto sets = KeptSets(session_);
  ExpectError(ErrorCode::kContextFull, {"81", "80"}, [&] { session_.Decode(both, tokens); });
  EXPECT_EQ(KeptSets(session_), sets);
  session_.Decode({both, 1}, {tokens, 1});
  EXPECT_EQ(session_.cache().SeenTokens(a_), 23);
}

TEST_F(SessionTest, CallsWithNothingToDoDoNothing) {
  const auto sets = KeptSets(session_);
  EXPECT_EQ(session_.Prefill({}).rows(), 0u);
  EXPECT_EQ(session_.Decode({}, {}).rows(), 0u);
  EXPECT_EQ(KeptSets(session_), sets);
}

TEST_F(SessionTest, IdsAreNeverReused) {
  session_.Finish(b_);
  const SequenceId next = session_.Add();
  EXPECT_GT(next, b_);
  ExpectError(ErrorCode::kInvalidArgument, {std::to_string(b_)}, [&] { session_.Finish(b_); });
}

// Rows come in the order of the items, whatever order chunks ran in.
TEST_F(SessionTest, LogitsModes) {
  const std::vector<TokenId> ids[] = {Ids(40, 1), Ids(3, 2), Ids(50, 3), Ids(1, 4)};
  SessionOptions options = WithPolicy("learned");
  options.prefill_chunk = 8;
  options.max_rows = 11;
  Session session(SmallModel(), pool_, options);
  std::vector<std::vector<float>> expected;  // every row of every item, one item at a time
  std::vector<size_t> first_row;
  for (const auto& item_ids : ids) {
    const FeedItem item{session.Add(), item_ids, LogitsMode::kAll};
    const Logits logits = session.Prefill({&item, 1});
    ASSERT_EQ(logits.rows(), item_ids.size());
    first_row.push_back(expected.size());
    for (size_t i = 0; i < logits.rows(); ++i) expected.emplace_back(logits.row(i).begin(), logits.row(i).end());
  }
  std::vector<FeedItem> items;
  for (size_t i = 0; i < 4; ++i) items.push_back({session.Add(), ids[i]});
  items[0].logits = LogitsMode::kLast;
  items[1].logits = LogitsMode::kAll;
  items[2].logits = LogitsMode::kNone;
  items[3].logits = LogitsMode::kAll;
  const Logits logits = session.Prefill(items);
  const size_t rows[] = {first_row[0] + 39, first_row[1], first_row[1] + 1, first_row[1] + 2, first_row[3]};
  ASSERT_EQ(logits.rows(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    ASSERT_EQ(logits.row(i).size(), 53u);
    EXPECT_TRUE(std::equal(logits.row(i).begin(), logits.row(i).end(), expected[rows[i]].begin())) << "row " << i;
  }
  std::vector<FeedItem> silent = {{session.Add(), ids[0], LogitsMode::kNone}};
  EXPECT_EQ(session.Prefill(silent).rows(), 0u);
}

TEST_F(SessionTest, MaxRowsChangesNothing) {
  std::vector<std::vector<std::vector<std::vector<int32_t>>>> sets;
  for (const int max_rows : {1, 7, 16, 1000}) {
    SessionOptions options = WithPolicy("learned");
    options.prefill_chunk = 16;
    options.max_rows = max_rows;
    Session session(SmallModel(), pool_, options);
    const std::vector<TokenId> ids[] = {Ids(40, 1), Ids(3, 2), Ids(70, 3)};
    std::vector<FeedItem> items;
    for (const auto& item_ids : ids) items.push_back({session.Add(), item_ids});
    session.Prefill(items);
    sets.push_back(KeptSets(session));
    EXPECT_EQ(sets.back(), sets.front()) << max_rows;
  }
}

TEST_F(SessionTest, OptionsAreChecked) {
  for (const int bad : {0, -3}) {
    SessionOptions options;
    options.prefill_chunk = bad;
    ExpectError(ErrorCode::kInvalidArgument, {"prefill_chunk", std::to_string(bad)},
                [&] { Session session(SmallModel(), pool_, options); });
    options = {};
    options.max_rows = bad;
    ExpectError(ErrorCode::kInvalidArgument, {"max_rows", std::to_string(bad)},
                [&] { Session session(SmallModel(), pool_, options); });
  }
}

TEST_F(SessionTest, ThePolicyFollowsFromTheModel) {
  ModelConfig plain = SmallShape();
  plain.int_n_embd = 0;
  const auto model = Model::Random(plain, 1);
  EXPECT_EQ(Session(model, pool_).policy().name(), "dense");
  EXPECT_EQ(Session(SmallModel(), pool_).policy().name(), "learned");
  ExpectError(ErrorCode::kInvalidArgument, {"learned", "interaction"},
              [&] { Session session(model, pool_, WithPolicy("learned")); });
}

TEST_F(SessionTest, DropLogsSayWhenAndWhy) {
  ExpectError(ErrorCode::kInvalidArgument, {"record_drops"}, [&] { session_.Drops(0, a_); });
  for (const char* policy : {"learned", "window:9"}) {
    SessionOptions options = WithPolicy(policy);
    options.record_drops = true;
    Session session(SmallModel(), pool_, options);
    const SequenceId id = AddFed(session, Ids(50));
    const TokenId next = 7;
    session.Decode({&id, 1}, {&next, 1});
    for (int layer = 0; layer < 3; ++layer) {
      const DropLog& log = session.Drops(layer, id);
      ASSERT_EQ(log.dropped_at.size(), 51u);
      ASSERT_EQ(log.score.size(), 51u);
      std::vector<int32_t> kept;
      for (int32_t j = 0; j < 51; ++j) {
        if (log.dropped_at[j] == -1) kept.push_back(j);
        const bool scored = log.dropped_at[j] != -1 && session.policy().NeedsInteraction();
        EXPECT_EQ(!std::isnan(log.score[j]), scored);
        if (log.dropped_at[j] != -1) {
          EXPECT_GT(log.dropped_at[j], j);
        }
        if (scored) {
          EXPECT_LE(log.score[j], session.policy().threshold());
        }
      }
      EXPECT_EQ(kept, session.cache().KeptPositions(layer, id));
    }
    ExpectError(ErrorCode::kInvalidArgument, {"layer 3"}, [&] { session.Drops(3, id); });
    ExpectError(ErrorCode::kInvalidArgument, {"99"}, [&] { session.Drops(0, 99); });
  }
}

// Drops of the same text under a delay: those without one shifted, as long as nothing that was read has changed.
TEST_F(SessionTest, DelayedDropsLeaveLater) {
  constexpr int kDelay = 6;
  SessionOptions options = WithPolicy("learned");
  options.record_drops = true;
  options.prefill_chunk = 16;
  Session session(SmallModel(1, kDelay), pool_, options);
  EXPECT_EQ(session.eviction_delay(), kDelay);
  EXPECT_EQ(Session(SmallModel(1, kDelay), pool_, WithPolicy("window:9")).eviction_delay(), 0);
  EXPECT_EQ(session_.eviction_delay(), 0);
  Session plain(SmallModel(), pool_, options);
  const SequenceId id = AddFed(session, Ids(50)), plain_id = AddFed(plain, Ids(50));
  // The first layer reads embeddings only.
  const DropLog &log = session.Drops(0, id), &at_once = plain.Drops(0, plain_id);
  int later = 0;
  for (int j = 0; j < 50; ++j) {
    const int32_t expected = at_once.dropped_at[j] < 0 ? -1 : at_once.dropped_at[j] + kDelay;
    EXPECT_EQ(log.dropped_at[j], expected < 50 ? expected : -1) << "token " << j;
    if (log.dropped_at[j] < 0) continue;
    EXPECT_EQ(log.score[j], at_once.score[j]) << "token " << j;
    ++later;
  }
  EXPECT_GT(later, 10);
  EXPECT_GT(session.cache().KeptTokens(0, id), plain.cache().KeptTokens(0, plain_id));
  options.record_drops = false;
  Session silent(SmallModel(1, kDelay), pool_, options);
  AddFed(silent, Ids(50));
  EXPECT_EQ(session.cache().Stats().reserved_bytes, silent.cache().Stats().reserved_bytes)
      << "the record of drops is not part of the cache";
}

TEST_F(SessionTest, ACapDoesNotWait) {
  PolicySpec spec = ParsePolicy("learned");
  spec.threshold = 2.0f;
  spec.max_kept = 7;
  SessionOptions options;
  options.policy = MakePolicy(spec);
  options.record_drops = true;
  Session session(SmallModel(1, 40), pool_, options);
  const SequenceId id = AddFed(session, Ids(40));
  const TokenId next = 2;
  session.Decode({&id, 1}, {&next, 1});
  for (int layer = 0; layer < 3; ++layer) {
    EXPECT_EQ(session.cache().KeptTokens(layer, id), 7);
    const DropLog& log = session.Drops(layer, id);
    for (int j = 0; j < 41; ++j) EXPECT_TRUE(std::isnan(log.score[j])) << "the cap decided, not the model";
  }
}

TEST_F(SessionTest, PagesComeBackAfterFinish) {
  for (int i = 0; i < 30; ++i) AddFed(session_, Ids(60, i));
  EXPECT_GT(session_.cache().Stats().pages_in_use, 50u);
  for (const SequenceId id : session_.cache().Sequences()) {
    session_.Finish(id);
    const CacheStats stats = session_.cache().Stats();
    EXPECT_LE(stats.pages_free, stats.pages_in_use / 32 + 1) << "free pages are kept only as a share of those in use";
  }
  EXPECT_EQ(session_.cache().Stats().reserved_bytes, 0u);
}

TEST_F(SessionTest, MayBeMoved) {
  Session moved = std::move(session_);
  const TokenId next = 3;
  EXPECT_EQ(moved.Decode({&a_, 1}, {&next, 1}).rows(), 1u);
  EXPECT_EQ(moved.cache().SeenTokens(a_), 21);
}

// Calls something while a token is decided about.
class InterruptedPolicy final : public EvictionPolicy {
 public:
  explicit InterruptedPolicy(std::function<void()> call) : call_(std::move(call)) {}
  std::string name() const override { return "interrupted"; }
  void Select(const SlotsView&, std::vector<Eviction>&) const override { call_(); }

 private:
  std::function<void()> call_;
};

TEST(Session, OnePoolForTwoCallsAtOnceIsAnErrorThatChangesNothing) {
  ThreadPool pool(2);
  Session other(SmallModel(), pool);
  const SequenceId sequence = AddFed(other, Ids(5));
  int tries = 0;
  SessionOptions options;
  options.policy = std::make_shared<InterruptedPolicy>([&] {
    if (tries++ > 0) return;
    std::thread([&] {
      ExpectError(ErrorCode::kInvalidArgument, {"thread pool", "in use"}, [&] {
        other.Decode({&sequence, 1}, Ids(1));
      });
    }).join();
  });
  Session session(SmallModel(), pool, options);
  AddFed(session, Ids(5));
  EXPECT_GT(tries, 1);
  EXPECT_EQ(other.cache().SeenTokens(sequence), 5);
  EXPECT_EQ(other.Decode({&sequence, 1}, Ids(1)).rows(), 1u);
}

}  // namespace
}  // namespace dcp
