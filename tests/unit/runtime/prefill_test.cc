// Session::Prefill with a consumer: what it is told, pass by pass.
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/unit/runtime/session_testing.h"

namespace dcp {
namespace {

using session_testing::AddFed;
using session_testing::ExpectError;
using session_testing::Ids;
using session_testing::KeptSets;
using session_testing::SmallModel;

using Rows = std::vector<std::vector<float>>;

void Append(const Logits& logits, Rows& rows) {
  for (size_t i = 0; i < logits.rows(); ++i) rows.emplace_back(logits.row(i).begin(), logits.row(i).end());
}

SessionOptions SmallPasses(const std::string& policy) {
  SessionOptions options = session_testing::WithPolicy(policy);
  options.prefill_chunk = 7;
  options.max_rows = 16;
  return options;
}

// Three prompts, of which two fit into a pass.
struct Prompts {
  explicit Prompts(Session& session)
      : items{{session.Add(), a, LogitsMode::kAll},
              {session.Add(), b, LogitsMode::kLast},
              {session.Add(), c, LogitsMode::kNone},
              {session.Add(), d, LogitsMode::kAll}} {}

  std::vector<TokenId> a = Ids(30), b = Ids(12, 5), c = Ids(7, 9), d = Ids(25, 2);
  std::vector<FeedItem> items;
};

class PrefillConsumer : public testing::TestWithParam<std::string> {
 protected:
  Session MakeSession() { return Session(model_, pool_, SmallPasses(GetParam())); }

  std::shared_ptr<const Model> model_ = SmallModel();
  ThreadPool pool_{2};
};

TEST_P(PrefillConsumer, GetsTheRowsOfOneCallPassByPass) {
  Session whole = MakeSession(), parted = MakeSession();
  const Prompts a(whole), b(parted);
  Rows expected;
  Append(whole.Prefill(a.items), expected);
  std::vector<Rows> rows(b.items.size());
  std::vector<size_t> fed(b.items.size());
  size_t passes = 0;
  const bool all = parted.Prefill(b.items, [&](std::span<const PassPart> parts) {
    ++passes;
    size_t tokens = 0;
    for (const PassPart& part : parts) {
      EXPECT_EQ(part.begin, fed[part.item]);
      fed[part.item] = part.end;
      tokens += part.end - part.begin;
      EXPECT_EQ(parted.cache().SeenTokens(b.items[part.item].sequence), static_cast<int>(part.end));
      Append(part.logits, rows[part.item]);
    }
    EXPECT_LE(tokens, 16u);
    return true;
  });
  EXPECT_TRUE(all);
  EXPECT_GE(passes, 5u);
  for (size_t i = 0; i < fed.size(); ++i) EXPECT_EQ(fed[i], b.items[i].tokens.size()) << i;
  EXPECT_EQ(rows[2], Rows());
  Rows found;
  for (const Rows& item : rows) found.insert(found.end(), item.begin(), item.end());
  EXPECT_EQ(found, expected);
  EXPECT_EQ(KeptSets(parted), KeptSets(whole));
}

TEST_P(PrefillConsumer, MayStopAndGoOnLater) {
  Session whole = MakeSession(), parted = MakeSession();
  const Prompts a(whole), b(parted);
  whole.Prefill(a.items);
  std::vector<FeedItem> left = b.items;
  const auto feed_one = [&](std::span<const PassPart> parts) {
    for (const PassPart& part : parts) left[part.item].tokens = left[part.item].tokens.subspan(part.end);
    return false;
  };
  for (size_t calls = 1; !left.empty(); ++calls) {
    ASSERT_LT(calls, 20u);
    EXPECT_FALSE(parted.Prefill(left, feed_one));
    std::erase_if(left, [](const FeedItem& item) { return item.tokens.empty(); });
  }
  EXPECT_EQ(KeptSets(parted), KeptSets(whole));
  for (const FeedItem& item : b.items) {
    EXPECT_EQ(parted.cache().SeenTokens(item.sequence), static_cast<int>(item.tokens.size()));
  }
  const TokenId next[] = {1, 2, 3, 4};
  Rows expected, found;
  Append(whole.Decode(whole.cache().Sequences(), next), expected);
  Append(parted.Decode(parted.cache().Sequences(), next), found);
  EXPECT_EQ(found, expected);
}

INSTANTIATE_TEST_SUITE_P(Policies, PrefillConsumer, testing::Values("dense", "learned", "window:9", "h2o:8"));

TEST(PrefillConsumerErrors, WhatItThrowsPassesThroughAndNothingIsBroken) {
  ThreadPool pool(1);
  Session session(SmallModel(), pool, SmallPasses("learned"));
  const std::vector<TokenId> ids = Ids(20);
  const FeedItem item{session.Add(), ids};
  const auto throws = [](std::span<const PassPart>) -> bool { throw std::out_of_range("mine"); };
  EXPECT_THROW(session.Prefill({&item, 1}, throws), std::out_of_range);
  EXPECT_EQ(session.cache().SeenTokens(item.sequence), 7);
  const FeedItem rest{item.sequence, std::span(ids).subspan(7)};
  EXPECT_EQ(session.Prefill({&rest, 1}).rows(), 1u);
}

TEST(PrefillConsumerErrors, AreFoundBeforeAnythingIsFed) {
  ThreadPool pool(1);
  Session session(SmallModel(), pool, SmallPasses("learned"));
  const SequenceId a = AddFed(session, Ids(20)), b = session.Add();
  const std::vector<TokenId> good = Ids(20), bad = {1, 53};
  const FeedItem items[] = {{a, good}, {b, bad}};
  const auto count = [](std::span<const PassPart>) -> bool { throw std::logic_error("called"); };
  ExpectError(ErrorCode::kInvalidArgument, {"53"}, [&] { session.Prefill(items, count); });
  ExpectError(ErrorCode::kInvalidArgument, {"consumer"}, [&] { session.Prefill({items, 1}, PassConsumer()); });
  EXPECT_EQ(session.cache().SeenTokens(a), 20);
  EXPECT_TRUE(session.Prefill({}, count));
}

}  // namespace
}  // namespace dcp
