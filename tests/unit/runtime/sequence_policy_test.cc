// Sequences with policies of their own in one session: each is, bit for bit, what it is where all have that policy.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "tests/unit/runtime/scheduler_testing.h"

namespace dcp {
namespace {

using session_testing::ExpectError;
using session_testing::ExpectSame;
using session_testing::Ids;
using session_testing::RequestMaker;
using session_testing::SmallModel;

std::shared_ptr<const EvictionPolicy> Learned(float threshold, int max_kept = 0) {
  PolicySpec spec;
  spec.kind = PolicySpec::Kind::kLearned;
  spec.threshold = threshold;
  spec.max_kept = max_kept;
  return MakePolicy(spec);
}

SessionOptions Options(std::shared_ptr<const EvictionPolicy> policy) {
  SessionOptions options;
  options.policy = std::move(policy);
  options.prefill_chunk = 16;
  options.max_rows = 40;
  return options;
}

struct Case {
  std::string session;
  std::vector<std::shared_ptr<const EvictionPolicy>> policies;
  int delay;
};

std::vector<Case> Cases() {
  const auto rule = [](const char* text) { return session_testing::Policy(text); };
  const std::vector<std::shared_ptr<const EvictionPolicy>> under_learned = {
      Learned(0), Learned(2), Learned(2, 9), rule("dense"), rule("window:7"), rule("learned@1+window:20")};
  // Under h2o all slots add up what attention they receive, read or not.
  return {{"learned", under_learned, 0}, {"learned", under_learned, 5}, {"h2o:12", {rule("h2o:6"), rule("dense")}, 0}};
}

// What a sequence computes and keeps.
struct Trace {
  std::vector<std::vector<float>> logits;
  std::vector<std::vector<int32_t>> kept;
  friend bool operator==(const Trace&, const Trace&) = default;
};

void Append(const Logits& logits, size_t row, Trace& trace) {
  trace.logits.emplace_back(logits.row(row).begin(), logits.row(row).end());
}

// Prefills 37 tokens, then decodes 30 one at a time, all sequences together.
std::vector<Trace> RunAll(Session& session, const std::vector<SequenceId>& sequences) {
  const std::vector<TokenId> ids = Ids(67);
  std::vector<Trace> traces(sequences.size());
  std::vector<FeedItem> items;
  for (const SequenceId id : sequences) items.push_back({id, std::span(ids).first(37)});
  Logits logits = session.Prefill(items);
  for (size_t i = 0; i < sequences.size(); ++i) Append(logits, i, traces[i]);
  for (size_t at = 37; at < ids.size(); ++at) {
    logits = session.Decode(sequences, std::vector<TokenId>(sequences.size(), ids[at]));
    for (size_t i = 0; i < sequences.size(); ++i) Append(logits, i, traces[i]);
  }
  for (size_t i = 0; i < sequences.size(); ++i) {
    for (int layer = 0; layer < session.cache().layers(); ++layer) {
      traces[i].kept.push_back(session.cache().SlotPositions(layer, sequences[i]));
    }
  }
  return traces;
}

TEST(SequencePolicy, SequencesAreWhatTheyAreInASessionOfTheirPolicy) {
  for (const Case& c : Cases()) {
    const auto model = SmallModel(1, c.delay);
    ThreadPool pool(2);
    Session session(model, pool, Options(session_testing::Policy(c.session)));
    std::vector<SequenceId> sequences = {session.Add()};
    for (const auto& policy : c.policies) sequences.push_back(session.Add(policy));
    const std::vector<Trace> together = RunAll(session, sequences);
    for (size_t i = 0; i < sequences.size(); ++i) {
      const EvictionPolicy& own = session.policy(sequences[i]);
      ThreadPool alone(1);
      Session of_its_own(model, alone, Options(i == 0 ? session_testing::Policy(c.session) : c.policies[i - 1]));
      EXPECT_EQ(own.name(), of_its_own.policy().name());
      EXPECT_EQ(together[i], RunAll(of_its_own, {of_its_own.Add()})[0]) << own.name() << " in " << c.session;
    }
  }
}

TEST(SequencePolicy, ClonesAndRestoredSequencesKeepIt) {
  ThreadPool pool(2);
  Session session(SmallModel(), pool, Options(Learned(2)));
  const auto own = Learned(0, 9);
  const std::vector<TokenId> ids = Ids(40);
  const SequenceId source = session.Add(own);
  const FeedItem item{source, ids};
  session.Prefill({&item, 1});
  const SequenceId clone = session.Clone(source);
  EXPECT_EQ(&session.policy(clone), own.get());
  std::ostringstream saved;
  session.Save(source, saved);
  std::istringstream in(saved.str());
  const SequenceId restored = session.Restore(in, own);
  EXPECT_EQ(&session.policy(restored), own.get());
  const std::vector<SequenceId> all = {source, clone, restored};
  for (const TokenId next : Ids(20, 5)) {
    const Logits logits = session.Decode(all, std::vector<TokenId>(3, next));
    for (size_t i = 1; i < 3; ++i) ASSERT_TRUE(std::ranges::equal(logits.row(0), logits.row(i))) << i;
  }
  EXPECT_EQ(session.cache().KeptTokens(0, source), 9);
}

TEST(SequencePolicy, WhatTheSessionKeepsNothingOfIsAnError) {
  ThreadPool pool(1);
  Session dense(SmallModel(), pool, Options(session_testing::Policy("dense")));
  ExpectError(ErrorCode::kInvalidArgument, {"learned", "interaction scores", "dense"}, [&] { dense.Add(Learned(0)); });
  ExpectError(ErrorCode::kInvalidArgument, {"h2o:9", "received attention"},
              [&] { dense.CheckSequencePolicy(session_testing::Policy("h2o:9")); });
  ExpectError(ErrorCode::kInvalidArgument, {"names layer 7"},
              [&] { dense.Add(session_testing::Policy("window:3@7")); });
  EXPECT_TRUE(dense.cache().Sequences().empty());
  Session h2o(SmallModel(), pool, Options(session_testing::Policy("h2o:9")));
  ExpectError(ErrorCode::kInvalidArgument, {"learned", "h2o:9"}, [&] { h2o.Add(Learned(0)); });

  Session learned(SmallModel(), pool, Options(Learned(0)));
  const PromptState start = ReadPrompt(learned, Ids(20));
  GenerateRequest request;
  request.prompt = Ids(30);
  request.start = &start;
  request.policy = Learned(1);
  const std::string error = Generate(learned, {&request, 1}).sequences[0].error;
  EXPECT_NE(error.find("policy: not for a prompt whose beginning was read"), std::string::npos) << error;
}

// Requests of several policies, prompts that begin alike, little memory: each is what it is alone in a session of its
// policy, and no beginning is shared with another policy.
TEST(SequencePolicy, ScheduledRequestsAreThoseOfASessionOfTheirPolicy) {
  const std::vector<std::shared_ptr<const EvictionPolicy>> policies = {nullptr, Learned(0), Learned(1), Learned(2, 9)};
  const auto model = SmallModel(1, 4);
  ThreadPool pool(2);
  Session session(model, pool, Options(Learned(2)));
  SchedulerOptions options;
  options.kv_budget_bytes = 300 << 10;
  options.max_running = 9;
  Scheduler scheduler(session, nullptr, options);
  RequestMaker maker(5);
  std::map<RequestId, GenerateRequest> requests;
  std::map<RequestId, ScheduledResult> results;
  for (int i = 0; i < 100; ++i) {
    GenerateRequest request = maker.Make();
    request.policy = policies[static_cast<size_t>(maker.Number(4))];
    ScheduleOptions how;
    how.on_done = [&](ScheduledResult result) { results.emplace(result.id, std::move(result)); };
    requests.emplace(scheduler.Submit(request, how).value(), request);
    scheduler.Step();
  }
  while (scheduler.Step()) continue;
  ASSERT_EQ(results.size(), requests.size());
  for (auto& [id, request] : requests) {
    ThreadPool alone(1);
    const auto policy = request.policy != nullptr ? std::exchange(request.policy, nullptr) : Learned(2);
    Session of_its_own(model, alone, Options(policy));
    const auto expected = Generate(of_its_own, {&request, 1}).sequences;
    for (size_t i = 0; i < expected.size(); ++i) {
      ExpectSame(results.at(id).sequences[i], expected[i], policy->name() + ", request " + std::to_string(id));
    }
  }
  EXPECT_GT(scheduler.Stats().shared_prompt_hits, 3);
}

}  // namespace
}  // namespace dcp
