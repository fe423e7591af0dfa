#include "cache/serialize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <sstream>

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

// Magic, version, byte order, fingerprint, eight numbers of the shape, seen, drops.
constexpr size_t kHeaderBytes = 8 + 4 + 4 + 8 + 8 * 8 + 4 + 4;

// Looks at scores and does not wait.
class AtOnce final : public EvictionPolicy {
 public:
  std::string name() const override { return "at-once"; }
  bool NeedsInteraction() const override { return true; }
  void Select(const SlotsView&, std::vector<Eviction>&) const override {}
};

class SerializeTest : public testing::Test {
 protected:
  static std::string Saved(const Session& session, SequenceId id) {
    std::ostringstream out;
    session.Save(id, out);
    return out.str();
  }

  // Expects the bytes to be refused, and the session to be as before.
  static void ExpectRefused(Session& session, const std::string& bytes, const std::vector<std::string>& parts = {}) {
    const auto sets = KeptSets(session);
    const CacheStats before = session.cache().Stats();
    std::istringstream in(bytes);
    ExpectError(ErrorCode::kInvalidArgument, parts, [&] { session.Restore(in); });
    EXPECT_EQ(KeptSets(session), sets);
    EXPECT_EQ(session.cache().Stats().pages_in_use, before.pages_in_use);
  }

  // Under an eviction delay that leaves decided drops pending.
  Session MakeDelayed(std::shared_ptr<const EvictionPolicy> policy = session_testing::Policy("learned")) {
    SessionOptions options;
    options.policy = std::move(policy);
    options.record_drops = true;
    return Session(SmallModel(1, 11), pool_, options);
  }

  Session MakeSession(const std::string& policy = "learned", bool drops = false, KvType type = KvType::kF32) {
    SessionOptions options = WithPolicy(policy);
    options.record_drops = drops;
    options.kv_type = type;
    return Session(model_, pool_, options);
  }

  std::shared_ptr<const Model> model_ = SmallModel();
  ThreadPool pool_{1};
};

// One layer's drops are decided and wait, the others' follow from positions: found by fuzzing.
TEST_F(SerializeTest, LayersThatExpireByPositionComeBackBesideOnesThatDecide) {
  Session session = MakeDelayed(MakePolicy(ParsePolicy("learned@0+strided:8,5")));
  const SequenceId id = AddFed(session, Ids(20));
  std::istringstream in(Saved(session, id));
  const SequenceId back = session.Restore(in);
  const std::vector<TokenId> more = Ids(20, 5);
  for (const TokenId token : more) {
    const SequenceId both[] = {id, back};
    const TokenId tokens[] = {token, token};
    const Logits logits = session.Decode(both, tokens);
    EXPECT_TRUE(std::ranges::equal(logits.row(0), logits.row(1)));
    EXPECT_EQ(KeptSets(session)[0], KeptSets(session)[1]);
  }
}

TEST_F(SerializeTest, ComesBackSlotForSlot) {
  for (const char* policy : {"dense", "learned", "window:9", "h2o:12"}) {
    for (const KvType type : {KvType::kF32, KvType::kF16, KvType::kI8}) {
      Session session = MakeSession(policy, true, type);
      const SequenceId id = AddFed(session, Ids(50));
      const std::string bytes = Saved(session, id);
      std::istringstream in(bytes + "tail");
      const SequenceId back = session.Restore(in);
      EXPECT_NE(back, id);
      EXPECT_EQ(in.tellg(), static_cast<std::streamoff>(bytes.size())) << "read beyond its end";
      EXPECT_EQ(KeptSets(session)[1], KeptSets(session)[0]);
      EXPECT_EQ(session.cache().SeenTokens(back), 50);
      for (int layer = 0; layer < 3; ++layer) {
        EXPECT_EQ(session.Drops(layer, back).dropped_at, session.Drops(layer, id).dropped_at);
      }
      EXPECT_EQ(Saved(session, back), bytes) << "content, attention or drops differ";
    }
  }
}

TEST_F(SerializeTest, PendingDropsComeBack) {
  Session session = MakeDelayed();
  const SequenceId id = AddFed(session, Ids(50));
  const std::string bytes = Saved(session, id);
  std::istringstream in(bytes);
  const SequenceId ids[] = {id, session.Restore(in)};
  EXPECT_EQ(Saved(session, ids[1]), bytes);
  const auto before = KeptSets(session);
  for (TokenId next = 0; next < 11; ++next) {  // all that was pending falls due
    const TokenId tokens[] = {next, next};
    session.Decode(ids, tokens);
  }
  EXPECT_EQ(KeptSets(session)[1], KeptSets(session)[0]);
  for (int layer = 0; layer < 3; ++layer) {
    const DropLog &log = session.Drops(layer, ids[0]), &back = session.Drops(layer, ids[1]);
    EXPECT_EQ(back.dropped_at, log.dropped_at);
    int pending = 0;
    for (const int32_t j : before[0][static_cast<size_t>(layer)]) {
      if (log.dropped_at[j] < 0) continue;
      ++pending;
      EXPECT_EQ(back.score[j], log.score[j]);
    }
    EXPECT_GT(pending, 3) << "nothing was pending";
  }
}

TEST_F(SerializeTest, EmptySequencesAndMissingDropLogs) {
  Session plain = MakeSession("learned", false), logging = MakeSession("learned", true);
  std::istringstream empty(Saved(plain, plain.Add()));
  EXPECT_EQ(logging.cache().SeenTokens(logging.Restore(empty)), 0);
  std::istringstream without(Saved(plain, AddFed(plain, Ids(20))));
  const SequenceId id = logging.Restore(without);
  EXPECT_EQ(logging.Drops(0, id).dropped_at, std::vector<int32_t>(20, -1));
  std::istringstream with(Saved(logging, id));
  EXPECT_EQ(plain.cache().SeenTokens(plain.Restore(with)), 20);
}

TEST_F(SerializeTest, EveryTruncationIsRefused) {
  Session session = MakeSession("learned", true);
  const std::string bytes = Saved(session, AddFed(session, Ids(37)));
  for (size_t size = 0; size < bytes.size(); size += size < kHeaderBytes + 40 ? 1 : 331) {
    ExpectRefused(session, bytes.substr(0, size), {"saved cache"});
  }
  for (size_t cut = 1; cut <= 10; ++cut) ExpectRefused(session, bytes.substr(0, bytes.size() - cut));
}

TEST_F(SerializeTest, EveryFlippedBitIsRefused) {
  Session h2o = MakeSession("h2o:12", true), delayed = MakeDelayed();
  for (Session* session : {&h2o, &delayed}) {
    const std::string bytes = Saved(*session, AddFed(*session, Ids(37)));
    for (size_t i = 0; i < bytes.size(); i += i < kHeaderBytes + 80 ? 1 : 97) {
      for (const int bit : {0, 3, 7}) {
        std::string damaged = bytes;
        damaged[i] = static_cast<char>(damaged[i] ^ 1 << bit);
        ExpectRefused(*session, damaged);
        ASSERT_FALSE(HasFailure()) << "byte " << i << " bit " << bit;
      }
    }
  }
}

TEST_F(SerializeTest, ForeignCachesAreRefused) {
  Session learned = MakeSession("learned");
  const std::string bytes = Saved(learned, AddFed(learned, Ids(20)));
  Session other(SmallModel(2), pool_, WithPolicy("learned"));
  ExpectRefused(other, bytes, {"fingerprint"});
  Session half = MakeSession("learned", false, KvType::kF16);
  ExpectRefused(half, bytes, {"element", "4", "2"});
  Session dense = MakeSession("dense");
  ExpectRefused(dense, bytes, {"interaction width", "5", "0"});
  Session h2o = MakeSession("h2o:12");
  ExpectRefused(h2o, Saved(dense, AddFed(dense, Ids(20))), {"attention", "0", "1"});
  Session delayed = MakeDelayed(), at_once = MakeDelayed(std::make_shared<AtOnce>());
  ExpectRefused(delayed, bytes, {"fingerprint"});
  ExpectRefused(at_once, Saved(delayed, AddFed(delayed, Ids(20))), {"eviction delay", "11", "0"});
  ExpectRefused(learned, "not a cache at all, but long enough to be read", {"dcpcache"});
}

TEST_F(SerializeTest, PoliciesOfTheSameNeedsMayTakeOver) {
  Session dense = MakeSession("dense");
  std::istringstream in(Saved(dense, AddFed(dense, Ids(30))));
  Session window = MakeSession("window:5");
  const SequenceId id = window.Restore(in);
  const TokenId next = 1;
  window.Decode({&id, 1}, {&next, 1});
  EXPECT_EQ(window.cache().KeptPositions(0, id), (std::vector<int32_t>{26, 27, 28, 29, 30}));
}

// What other sequences left in memory must not get out with a saved one.
TEST_F(SerializeTest, UnusedSlotsAreZero) {
  Session session = MakeSession("dense");
  const SequenceId dirty = AddFed(session, Ids(64));
  const SequenceId keeper = AddFed(session, Ids(64));  // so that pages stay in the pool
  session.Finish(dirty);
  const SequenceId id = AddFed(session, Ids(17, 8));
  const std::string bytes = Saved(session, id);
  session.Finish(keeper);
  const PageLayout layout{2, 5, 0, KvType::kF32};
  const size_t layer_bytes = 8 + 17 * 4 + 2 * layout.page_bytes();
  ASSERT_EQ(bytes.size(), kHeaderBytes + 3 * layer_bytes + 8);
  for (size_t layer = 0; layer < 3; ++layer) {
    const char* page = bytes.data() + kHeaderBytes + layer * layer_bytes + 8 + 17 * 4 + layout.page_bytes();
    std::vector<float> floats(layout.page_bytes() / sizeof(float));
    std::memcpy(floats.data(), page, layout.page_bytes());
    for (size_t c = 0; c < 10; ++c) {
      for (size_t lane = 1; lane < kPanel; ++lane) ASSERT_EQ(floats[c * kPanel + lane], 0.0f);
    }
    for (size_t head = 0; head < 2; ++head) {
      const float* values = floats.data() + 10 * kPanel + head * kPanel * kPanel;
      for (size_t i = kPanel; i < kPanel * kPanel; ++i) ASSERT_EQ(values[i], 0.0f);
    }
  }
}

TEST_F(SerializeTest, FailingStreamsAreIoErrors) {
  Session session = MakeSession();
  const SequenceId id = AddFed(session, Ids(20));
  std::ostringstream full;
  full.setstate(std::ios::badbit);
  ExpectError(ErrorCode::kIo, {"saved cache"}, [&] { session.Save(id, full); });
  std::istringstream broken("dcpcache");
  broken.setstate(std::ios::badbit);
  ExpectError(ErrorCode::kIo, {"saved cache"}, [&] { session.Restore(broken); });
  ExpectError(ErrorCode::kInvalidArgument, {"99"}, [&] { session.Save(99, full); });
}

}  // namespace
}  // namespace dcp
