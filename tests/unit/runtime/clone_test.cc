// Clones: they share pages with their source, and compute as if they did not.
#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "tests/unit/runtime/session_testing.h"

namespace dcp {
namespace {

using session_testing::AddFed;
using session_testing::Ids;
using session_testing::SmallModel;
using session_testing::SmallShape;

struct Case {
  const char* policy;
  int delay = 0;
};
std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.policy << ", delay " << c.delay; }

class Clones : public testing::TestWithParam<Case> {
 protected:
  Session MakeSession(int threads_pool = 0) {
    SessionOptions options = session_testing::WithPolicy(GetParam().policy);
    options.prefill_chunk = 9;
    options.record_drops = true;
    return Session(model_, threads_pool == 0 ? pool_ : alone_, options);
  }

  // Everything a sequence is.
  static std::string Saved(const Session& session, SequenceId id) {
    std::ostringstream out;
    session.Save(id, out);
    return out.str();
  }

  std::shared_ptr<const Model> model_ = SmallModel(1, GetParam().delay);
  ThreadPool pool_{2};
  ThreadPool alone_{1};
};

// A sequence as it should be: its ids, and how they were fed.
struct Expected {
  SequenceId id;
  std::vector<std::vector<TokenId>> calls;
};

// Clones of clones, fed in batches of several threads, finished in any order: each is, slot for slot, what a sequence
// of its own is.
TEST_P(Clones, AreWhatASequenceFedAloneIs) {
  Session session = MakeSession();
  std::mt19937 random(7);
  std::vector<Expected> all = {{session.Add(), {}}};
  const auto seen = [&](const Expected& one) { return session.cache().SeenTokens(one.id); };
  for (int step = 0; step < 60; ++step) {
    std::vector<FeedItem> items;
    std::vector<std::vector<TokenId>> fed;
    fed.reserve(all.size());
    for (Expected& one : all) {
      if (random() % 4 == 0) continue;
      const size_t count = random() % 3 == 0 ? 1 + random() % 20 : 1;
      if (seen(one) + static_cast<int>(count) > 80) continue;
      fed.push_back(Ids(count, static_cast<int>(random() % 50)));
      one.calls.push_back(fed.back());
      items.push_back({one.id, fed.back()});
    }
    session.Prefill(items);
    if (all.size() < 7) {
      const Expected& source = all[random() % all.size()];
      all.push_back({session.Clone(source.id), source.calls});
    }
    const bool full = seen(all[0]) > 70;
    if ((full || random() % 8 == 0) && all.size() > 1) {
      const size_t at = full ? 0 : random() % all.size();
      session.Finish(all[at].id);
      all.erase(all.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (step % 10 != 9) continue;
    for (const Expected& one : all) {
      Session fresh = MakeSession(1);
      const SequenceId id = fresh.Add();
      for (const std::vector<TokenId>& ids : one.calls) {
        const FeedItem item{id, ids};
        fresh.Prefill({&item, 1});
      }
      ASSERT_EQ(Saved(session, one.id), Saved(fresh, id)) << "step " << step << ", sequence " << one.id;
    }
  }
  for (const Expected& one : all) session.Finish(one.id);
  EXPECT_EQ(session.cache().Stats().pages_in_use, 0u);
  EXPECT_EQ(session.cache().Stats().reserved_bytes, 0u);
}

TEST_P(Clones, GiveTheSameLogitsAsTheirSource) {
  Session session = MakeSession();
  const SequenceId source = AddFed(session, Ids(37));
  const SequenceId clone = session.Clone(source), idle = session.Clone(clone);
  const std::string before = Saved(session, source);
  EXPECT_EQ(Saved(session, clone), before);
  for (TokenId next = 0; next < 30; ++next) {
    const SequenceId both[] = {source, clone};
    const TokenId tokens[] = {next, next};
    const Logits logits = session.Decode(both, tokens);
    ASSERT_TRUE(std::equal(logits.row(0).begin(), logits.row(0).end(), logits.row(1).begin())) << next;
  }
  EXPECT_EQ(Saved(session, clone), Saved(session, source));
  EXPECT_EQ(Saved(session, idle), before) << "what others do to their pages is theirs";
  std::istringstream in(Saved(session, idle));
  const SequenceId back = session.Restore(in);
  session.Finish(idle);
  session.Finish(source);
  EXPECT_EQ(Saved(session, back), before);
}

INSTANTIATE_TEST_SUITE_P(Policies, Clones,
                         testing::Values(Case{"dense"}, Case{"learned"}, Case{"learned", 6}, Case{"window:20"},
                                         Case{"sinks:3,12"}, Case{"h2o:24"}),
                         [](const auto& test) {
                           std::string name = test.param.policy + std::to_string(test.param.delay);
                           std::erase_if(name, [](char c) { return c == ':' || c == ','; });
                           return name;
                         });

TEST(CloneMemory, EightClonesOfAPromptTakeTheMemoryOfOne) {
  ModelConfig config = SmallShape();
  config.n_embd = 128;  // so that pages, not bookkeeping, are what counts
  config.n_positions = 512;
  ThreadPool pool(2);
  SessionOptions options;
  options.policy = session_testing::Policy("dense");
  Session session(Model::Random(config, 1), pool, options);
  std::vector<SequenceId> ids = {AddFed(session, Ids(505))};
  const CacheStats one = session.cache().Stats();
  while (ids.size() < 8) ids.push_back(session.Clone(ids[0]));
  const CacheStats eight = session.cache().Stats();
  EXPECT_EQ(eight.pages_in_use, one.pages_in_use);
  EXPECT_LT(eight.reserved_bytes, one.reserved_bytes * 5 / 4);
  EXPECT_EQ(eight.live_bytes, 8 * one.live_bytes);
  EXPECT_EQ(eight.kept_slots, 8 * one.kept_slots);
  EXPECT_EQ(session.cache().Stats(ids[3]).pages_in_use, one.pages_in_use);
  const std::vector<TokenId> next(8, 1);
  session.Decode(ids, next);  // each has a last page of its own now, in each of 3 layers
  EXPECT_EQ(session.cache().Stats().pages_in_use, one.pages_in_use + 7 * 3);
  for (size_t i = 0; i < 7; ++i) session.Finish(ids[i]);
  EXPECT_EQ(session.cache().Stats().pages_in_use, one.pages_in_use);
  EXPECT_EQ(session.cache().Stats(ids[7]).pages_in_use, one.pages_in_use);
}

}  // namespace
}  // namespace dcp
