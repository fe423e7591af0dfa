// Promises of session.h, kv_cache.h, drop_log.h and prompt_state.h. What is refused changes nothing: how that is found
// midway is in tests/unit/runtime/session_test.cc, refused memory in tests/allocation.
#include <cmath>
#include <sstream>
#include <thread>

#include "tests/api/api_testing.h"

namespace dcp {
namespace {

using api_testing::AddFed;
using api_testing::ExpectError;
using api_testing::Ids;
using api_testing::Policy;
using api_testing::SmallModel;
using api_testing::WithPolicy;

constexpr auto kInvalid = ErrorCode::kInvalidArgument;

class SessionApi : public testing::Test {
 protected:
  // Logits after the ids, from a sequence of its own.
  std::vector<float> After(const std::vector<TokenId>& ids) {
    const SequenceId sequence = session_.Add();
    const FeedItem item{sequence, ids};
    const std::span<const float> row = session_.Prefill({&item, 1}).row(0);
    std::vector<float> copy(row.begin(), row.end());
    session_.Finish(sequence);
    return copy;
  }

  ThreadPool pool_{2};
  Session session_{SmallModel(), pool_, WithPolicy("learned")};
  SequenceId a_ = AddFed(session_, Ids(20));
};

TEST_F(SessionApi, WhatItCannotBeMadeOfIsNamed) {
  const auto refused = [&](SessionOptions options, const std::vector<std::string>& names) {
    ExpectError(kInvalid, names, [&] { Session session(SmallModel(), pool_, options); });
  };
  ExpectError(kInvalid, {"model", "null"}, [&] { Session session(nullptr, pool_); });
  refused({.prefill_chunk = 0}, {"prefill_chunk", "0", "1"});
  refused({.max_rows = -1}, {"max_rows", "-1", "1"});
  refused(WithPolicy("window:2@9"), {"layer 9", "3"});
}

TEST_F(SessionApi, SequencesThatAreNotThereAreNamed) {
  const SequenceId gone = 77;
  const TokenId id = 1;
  const FeedItem item{gone, {&id, 1}};
  std::ostringstream out;
  const auto refused = [&](auto&& call) { ExpectError(kInvalid, {"sequence 77"}, call); };
  refused([&] { session_.Clone(gone); });
  refused([&] { session_.Finish(gone); });
  refused([&] { session_.Prefill({&item, 1}); });
  refused([&] { session_.Prefill({&item, 1}, [](std::span<const PassPart>) { return true; }); });
  refused([&] { session_.Decode({&gone, 1}, {&id, 1}); });
  refused([&] { session_.Remaining(gone); });
  refused([&] { session_.policy(gone); });
  refused([&] { session_.Drops(0, gone); });
  refused([&] { session_.Save(gone, out); });
  const KvCache& cache = session_.cache();
  refused([&] { cache.Stats(gone); });
  refused([&] { cache.SeenTokens(gone); });
  refused([&] { cache.KeptTokens(0, gone); });
  refused([&] { cache.KeptPositions(0, gone); });
  refused([&] { cache.SlotPositions(0, gone); });
  refused([&] { cache.Sparsity(gone); });
  EXPECT_TRUE(out.str().empty());
}

TEST_F(SessionApi, LayersThatAreNotThereAreNamed) {
  for (const int layer : {-1, 3}) {
    const auto refused = [&](auto&& call) { ExpectError(kInvalid, {"layer " + std::to_string(layer), "2"}, call); };
    refused([&] { session_.cache().KeptTokens(layer, a_); });
    refused([&] { session_.cache().KeptPositions(layer, a_); });
    refused([&] { session_.cache().SlotPositions(layer, a_); });
    refused([&] { session_.Drops(layer, a_); });
  }
  EXPECT_EQ(session_.cache().layers(), 3);
}

TEST_F(SessionApi, WhatIsFedIsCheckedFirst) {
  const std::vector<TokenId> good = Ids(2), none, below = {-1}, above = {53}, many = Ids(61);
  const auto refused = [&](ErrorCode code, const std::vector<std::string>& names, std::vector<FeedItem> items) {
    const SequenceId b = session_.Add();
    items.insert(items.begin(), {b, good});
    ExpectError(code, names, [&] { session_.Prefill(items); });
    ExpectError(code, names, [&] { session_.Prefill(items, [](std::span<const PassPart>) { return true; }); });
    EXPECT_EQ(session_.cache().SeenTokens(a_), 20);
    EXPECT_EQ(session_.cache().SeenTokens(b), 0);
    session_.Finish(b);
  };
  const std::string a = "sequence " + std::to_string(a_);
  refused(kInvalid, {a, "0 tokens"}, {{a_, none}});
  refused(kInvalid, {a, "twice"}, {{a_, good}, {a_, good}});
  refused(kInvalid, {a, "-1", "52"}, {{a_, below}});
  refused(kInvalid, {a, "53", "52"}, {{a_, above}});
  refused(ErrorCode::kContextFull, {a, "81", "80"}, {{a_, many}});
  const TokenId two[] = {1, 2};
  ExpectError(kInvalid, {"1 sequences", "2 tokens"}, [&] { session_.Decode({&a_, 1}, two); });
  ExpectError(kInvalid, {"consumer"}, [&] { session_.Prefill({}, PassConsumer()); });
  EXPECT_EQ(session_.Prefill({}).rows(), 0u);
  EXPECT_EQ(session_.Decode({}, {}).rows(), 0u);
}

TEST_F(SessionApi, TheContextIsFullAtPTokens) {
  const std::vector<TokenId> rest = Ids(60);
  const FeedItem item{a_, rest};
  EXPECT_EQ(session_.Remaining(a_), 60);
  session_.Prefill({&item, 1});
  EXPECT_EQ(session_.Remaining(a_), 0);
  const TokenId id = 1;
  ExpectError(ErrorCode::kContextFull, {"81", "80"}, [&] { session_.Decode({&a_, 1}, {&id, 1}); });
}

TEST_F(SessionApi, PoliciesOfSequencesNeedNoMoreThanTheSessions) {
  Session dense(SmallModel(), pool_, WithPolicy("dense"));
  const auto refused = [&](const std::string& policy, const std::string& what) {
    const std::vector<std::string> names = {policy, "dense", what};
    ExpectError(kInvalid, names, [&] { dense.Add(Policy(policy)); });
    ExpectError(kInvalid, names, [&] { dense.CheckSequencePolicy(Policy(policy)); });
    EXPECT_TRUE(dense.cache().Sequences().empty());
  };
  refused("learned", "interaction");
  refused("h2o:8", "attention");
  EXPECT_NO_THROW(dense.CheckSequencePolicy(nullptr));
  EXPECT_EQ(dense.policy(dense.Add(Policy("window:4"))).name(), "window:4");
  // "May be called by any thread at any time": also while a call is under way.
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) session_.CheckSequencePolicy(Policy("dense"));
  });
  for (int i = 0; i < 20; ++i) After(Ids(20));
  other.join();
}

TEST_F(SessionApi, DropsNeedToBeRecorded) {
  ExpectError(kInvalid, {"record_drops"}, [&] { session_.Drops(0, a_); });
  SessionOptions options = WithPolicy("window:2");
  options.record_drops = true;
  Session recording(SmallModel(), pool_, options);
  const SequenceId b = AddFed(recording, Ids(4));
  EXPECT_EQ(recording.Drops(0, b).dropped_at, (std::vector<int32_t>{2, 3, -1, -1}));
  EXPECT_TRUE(std::isnan(recording.Drops(0, b).score[0]));
}

TEST_F(SessionApi, SavedSequencesComeBackOrAreRefused) {
  std::stringstream saved;
  session_.Save(a_, saved);
  const std::string bytes = saved.str();
  const SequenceId back = session_.Restore(saved);
  EXPECT_EQ(session_.cache().KeptPositions(1, back), session_.cache().KeptPositions(1, a_));
  const size_t before = session_.cache().Sequences().size();
  std::istringstream cut(bytes.substr(0, bytes.size() / 2));
  ExpectError(kInvalid, {}, [&] { session_.Restore(cut); });
  std::istringstream closed(bytes);
  closed.setstate(std::ios::badbit);
  ExpectError(ErrorCode::kIo, {}, [&] { session_.Restore(closed); });
  std::ostringstream refusing;
  refusing.setstate(std::ios::badbit);
  ExpectError(ErrorCode::kIo, {}, [&] { session_.Save(a_, refusing); });
  EXPECT_EQ(session_.cache().Sequences().size(), before);
  Session foreign(SmallModel(/*seed=*/2), pool_, WithPolicy("learned"));
  std::istringstream again(bytes);
  ExpectError(kInvalid, {"model"}, [&] { foreign.Restore(again); });
  EXPECT_TRUE(foreign.cache().Sequences().empty());
}

TEST_F(SessionApi, MovesWithoutAnException) {
  static_assert(std::is_nothrow_move_constructible_v<Session> && !std::is_copy_constructible_v<Session>);
  Session moved(std::move(session_));
  EXPECT_EQ(moved.cache().SeenTokens(a_), 20);
}

class PromptStateApi : public SessionApi {
 protected:
  PromptState state_ = ReadPrompt(session_, Ids(10));
};

TEST_F(PromptStateApi, IdsThatDoNotBeginWithTheStartAreRefused) {
  const std::vector<TokenId> ids = Ids(10);
  std::vector<TokenId> other = Ids(12);
  other[4] = (other[4] + 1) % 53;
  const size_t before = session_.cache().Sequences().size();
  const auto refused = [&](const std::vector<TokenId>& prompt, const std::vector<std::string>& names) {
    ExpectError(kInvalid, names, [&] { ReadPrompt(session_, prompt, &state_); });
    EXPECT_EQ(session_.cache().Sequences().size(), before);
  };
  refused({}, {"no id at index 0", "id " + std::to_string(ids[0])});
  refused(Ids(6), {"no id at index 6", "id " + std::to_string(ids[6])});
  refused(other, {"id " + std::to_string(other[4]) + " at index 4", "id " + std::to_string(ids[4])});
  ExpectError(kInvalid, {"0 tokens"}, [&] { ReadPrompt(session_, {}); });
  ExpectError(ErrorCode::kContextFull, {"81", "80"}, [&] { ReadPrompt(session_, Ids(81)); });
  EXPECT_EQ(session_.cache().Sequences().size(), before);
  EXPECT_EQ(ReadPrompt(session_, Ids(10), &state_).logits, state_.logits);
  EXPECT_EQ(ReadPrompt(session_, Ids(12), &state_).ids, Ids(12));
}

TEST_F(PromptStateApi, WhatCouldNotBeLoadedIsNotSaved) {
  const auto refused = [&](const PromptState& state, const std::vector<std::string>& names) {
    std::ostringstream out;
    ExpectError(kInvalid, names, [&] { SavePromptState(session_, state, nullptr, out); });
    EXPECT_TRUE(out.str().empty());
  };
  PromptState state = state_;
  state.ids.pop_back();
  refused(state, {"9 ids", "10 tokens"});
  state = state_;
  state.logits.clear();
  refused(state, {"0 logits", "53"});
  state = state_;
  state.sequence = 77;
  refused(state, {"sequence 77"});
  std::ostringstream refusing;
  refusing.setstate(std::ios::badbit);
  ExpectError(ErrorCode::kIo, {}, [&] { SavePromptState(session_, state_, nullptr, refusing); });
}

TEST_F(PromptStateApi, OthersAreRefused) {
  std::ostringstream out;
  SavePromptState(session_, state_, nullptr, out);
  const auto refused = [&](ErrorCode code, const std::string& bytes, Session& session,
                           const std::vector<std::string>& names) {
    const size_t before = session.cache().Sequences().size();
    std::istringstream in(bytes);
    ExpectError(code, names, [&] { LoadPromptState(session, nullptr, in); });
    EXPECT_EQ(session.cache().Sequences().size(), before);
  };
  refused(kInvalid, "", session_, {"ends early"});
  refused(kInvalid, out.str() + "x", session_, {"after its end"});
  Session foreign(SmallModel(2), pool_, WithPolicy("learned"));
  refused(kInvalid, out.str(), foreign, {"model", "fingerprint"});
  Session dense(SmallModel(), pool_, WithPolicy("dense"));
  refused(kInvalid, out.str(), dense, {"policy", "dense", "learned"});
  SessionOptions halves = WithPolicy("learned");
  halves.kv_type = KvType::kF16;
  Session half(SmallModel(), pool_, halves);
  refused(kInvalid, out.str(), half, {"K or V element", "4", "2"});
  std::istringstream closed(out.str());
  closed.setstate(std::ios::badbit);
  ExpectError(ErrorCode::kIo, {}, [&] { LoadPromptState(session_, nullptr, closed); });
  std::istringstream good(out.str());
  EXPECT_EQ(LoadPromptState(session_, nullptr, good).logits, state_.logits);
}

}  // namespace
}  // namespace dcp
