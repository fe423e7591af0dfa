// Every allocation of a call is refused in turn: an Error of one line that says so, nothing kept that was not there
// before, and what the call worked on is as usable as its header says.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "tests/allocation/failing_allocator.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/unit/io/io_testing.h"
#include "tests/unit/runtime/session_testing.h"

namespace dcp {
namespace {

using allocation::counted;
using allocation::living;
using allocation::refused;
using io_testing::TempDir;
using session_testing::AddFed;
using session_testing::Ids;
using session_testing::SmallModel;
using session_testing::WithPolicy;

// Calls `call` with its first allocation refused, then with its second, and so on, until nothing was refused; of very
// many, which do the same over and over, one in fifty. `check`
// is called after each refusal, with its number. `plain`: std::bad_alloc will do. Returns how many there were.
int RefuseEach(bool plain, const std::function<void()>& call, const std::function<void(int)>& check = {}) {
  for (int n = 0;; n += n < 5000 ? 1 : 50) {
    const long before = living;
    refused = counted + n;
    try {
      call();
      const bool all = counted <= refused;
      refused = -1;
      if (all) return n;
      // Some parts can do without: nothing is lost then.
    } catch (const Error& error) {
      refused = -1;
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << "allocation " << n << ": " << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    } catch (const std::bad_alloc&) {
      refused = -1;
      EXPECT_TRUE(plain) << "allocation " << n << ": no dcp::Error";
    }
    EXPECT_LE(living, before) << "allocation " << n << " left something behind";
    if (check) check(n);
    if (n > 200000 || testing::Test::HasFailure()) {
      ADD_FAILURE() << "stopped at allocation " << n;
      return n;
    }
  }
}

SessionOptions Learned() {
  SessionOptions options = WithPolicy("learned");
  options.record_drops = true;
  options.prefill_chunk = 16;
  return options;
}

std::vector<float> Row(const Logits& logits) { return {logits.row(0).begin(), logits.row(0).end()}; }

// Whichever allocation of a call is refused: no sequence that was not there before.
TEST(RefusedAllocation, LeavesNoSequenceBehind) {
  ThreadPool pool(1);
  Session session(SmallModel(), pool, Learned());
  const SequenceId source = AddFed(session, Ids(20));
  std::ostringstream saved;
  session.Save(source, saved);
  const auto policy = session_testing::Policy("window:7");
  std::istringstream in(saved.str());
  const std::function<SequenceId()> calls[] = {[&] { return session.Add(); }, [&] { return session.Clone(source); },
                                               [&] { return session.Add(policy); },
                                               [&] {
                                                 in.clear();
                                                 in.seekg(0);
                                                 return session.Restore(in);
                                               }};
  for (const auto& call : calls) {
    const std::vector<SequenceId> before = session.cache().Sequences();
    const int refusals = RefuseEach(
        false,
        [&] {
          const SequenceId id = call();
          EXPECT_EQ(session.Drops(0, id).dropped_at.size(), static_cast<size_t>(session.cache().SeenTokens(id)));
          session.Finish(id);
        },
        [&](int n) { ASSERT_EQ(session.cache().Sequences(), before) << "allocation " << n; });
    EXPECT_GT(refusals, 5);
  }
}

// nlohmann_json 3.11 takes memory when it destroys a document, a few words for each of its values, and std::terminate
// ends the program where that is refused: so not these.
TEST(RefusedAllocation, LoadingAModel) {
  allocation::smallest = 4096;
  TempDir directory;
  ModelConfig config = reference::SmallConfig();
  for (const int shards : {0, 2}) {
    reference::MakeOptions make;
    make.shards = shards;
    const auto path = directory.path() / std::to_string(shards);
    reference::MakeCheckpoint(path, config, make);
    std::shared_ptr<const Model> model;
    const int refusals = RefuseEach(false, [&] {
      model = nullptr;
      model = Model::Load(path);
    });
    ASSERT_NE(model, nullptr);
    EXPECT_GT(refusals, 5);
  }
  allocation::smallest = 0;
}

TEST(RefusedAllocation, LoadingATokenizerAndUsingIt) {
  const std::filesystem::path directory = std::filesystem::path(DCP_SOURCE_DIR) / "tests/data/books-tiny";
  const int refusals = RefuseEach(true, [&] {
    const Tokenizer tokenizer = Tokenizer::Load(directory);
    const std::string text = "It was a dark night.";
    EXPECT_EQ(tokenizer.Decode(tokenizer.Encode(text)), text);
  });
  EXPECT_GT(refusals, 100);
}

// A session of its own each time, and one beside it on the same model that goes on.
TEST(RefusedAllocation, PrefillAndDecode) {
  ThreadPool pool(1);
  const auto model = SmallModel(1, 3);
  std::vector<float> expected;
  {
    Session session(model, pool, Learned());
    const SequenceId id = AddFed(session, Ids(40));
    expected = Row(session.Decode({&id, 1}, Ids(1)));
  }
  const std::vector<TokenId> prompt = Ids(40), next = Ids(1);
  std::vector<float> got(expected.size());
  const SessionOptions options = Learned();
  const int refusals = RefuseEach(false, [&] {
    Session session(model, pool, options);
    const SequenceId id = session.Add();
    const FeedItem item{id, prompt};
    session.Prefill({&item, 1});
    std::ranges::copy(session.Decode({&id, 1}, next).row(0), got.begin());
  });
  EXPECT_EQ(got, expected);
  EXPECT_GT(refusals, 40);
}

// What was refused memory in one session leaves its other sequences as they were.
TEST(RefusedAllocation, OtherSequencesOfTheSessionGoOn) {
  ThreadPool pool(1);
  Session alone(SmallModel(), pool, Learned()), session(SmallModel(), pool, Learned());
  const std::vector<TokenId> prompt = Ids(70, 5);
  const SequenceId expected = AddFed(alone, Ids(20)), other = AddFed(session, Ids(20));
  int step = 0;
  const int refusals = RefuseEach(
      false,
      [&] {
        const SequenceId id = session.Add();
        try {
          const FeedItem item{id, prompt};
          session.Prefill({&item, 1});
        } catch (...) {
          refused = -1;
          session.Finish(id);
          throw;
        }
        session.Finish(id);
      },
      [&](int) {
        if (session.Remaining(other) == 0) return;
        const std::vector<TokenId> next = Ids(1, ++step);
        EXPECT_EQ(Row(session.Decode({&other, 1}, next)), Row(alone.Decode({&expected, 1}, next)));
      });
  EXPECT_GT(refusals, 3);
  EXPECT_GT(step, 3);
}

TEST(RefusedAllocation, Saving) {
  ThreadPool pool(1);
  Session session(SmallModel(), pool, Learned());
  const SequenceId id = AddFed(session, Ids(40));
  std::ostringstream expected;
  session.Save(id, expected);
  std::string saved;
  saved.reserve(expected.str().size());
  RefuseEach(true, [&] {
    std::ostringstream out;
    out.exceptions(std::ios::badbit);  // or it would be the stream that fails, and not memory
    session.Save(id, out);
    saved = out.view();
  });
  EXPECT_EQ(saved, expected.str());
}

GenerateRequest Request(int samples, int beams) {
  GenerateRequest request;
  request.prompt = Ids(30);
  request.options.max_new_tokens = 12;
  request.options.samples = samples;
  request.options.num_beams = beams;
  request.options.sampling.temperature = beams > 1 ? 0.0f : 0.9f;
  request.options.logprobs = 2;
  return request;
}

TEST(RefusedAllocation, Generating) {
  ThreadPool pool(1);
  Session session(SmallModel(), pool, Learned());
  for (const GenerateRequest& request : {Request(1, 1), Request(3, 1), Request(2, 3)}) {
    const std::vector<TokenId> expected = Generate(session, {&request, 1}).sequences.back().generated_ids;
    std::vector<TokenId> got;
    got.reserve(expected.size());
    const int refusals = RefuseEach(
        true,
        [&] {
          got = Generate(session, {&request, 1}).sequences.back().generated_ids;
        },
        [&](int n) { ASSERT_TRUE(session.cache().Sequences().empty()) << "allocation " << n; });
    EXPECT_EQ(got, expected);
    EXPECT_GT(refusals, 20);
  }
}

// A request whose memory is refused ends with an error that says so, or is not taken; the next one is answered as if
// nothing had been.
void ScheduleWithRefusals(const GenerateRequest& request) {
  ThreadPool pool(1);
  Session session(SmallModel(), pool, Learned());
  const std::vector<TokenId> expected = Generate(session, {&request, 1}).sequences.back().generated_ids;
  SchedulerOptions options;
  options.kv_budget_bytes = size_t{1} << 20;
  int refusals = 0;
  for (bool done = false; !done; ++refusals) {
    ASSERT_LT(refusals, 100000);
    Scheduler scheduler(session, nullptr, options);
    std::vector<ScheduledResult> results;
    results.reserve(2);
    ScheduleOptions how;
    how.on_done = [&](ScheduledResult result) { results.push_back(std::move(result)); };
    refused = counted + refusals;
    bool taken = false;
    try {
      taken = scheduler.Submit(request, how).has_value();
      while (scheduler.Step()) continue;
      done = counted <= refused;
      refused = -1;
    } catch (const std::exception& error) {
      refused = -1;
      ASSERT_FALSE(taken) << "allocation " << refusals << ": Step threw " << error.what();
    }
    if (taken) {
      ASSERT_EQ(results.size(), 1u) << "allocation " << refusals;
      const GeneratedSequence& last = results[0].sequences.back();
      if (last.finish_reason == FinishReason::kError) {
        EXPECT_NE(last.error.find("memory"), std::string::npos) << last.error;
      } else {
        EXPECT_EQ(last.generated_ids, expected) << "allocation " << refusals;
      }
    }
    scheduler.Submit(request, how);
    while (scheduler.Step()) continue;
    ASSERT_EQ(results.size(), taken ? 2u : 1u);
    ASSERT_EQ(results.back().sequences.back().generated_ids, expected) << "allocation " << refusals;
    ASSERT_EQ(scheduler.Stats().sequences, 0) << "allocation " << refusals;
  }
  EXPECT_GT(refusals, 50);
}

TEST(RefusedAllocation, Scheduling) {
  for (const auto& [samples, beams] : {std::pair(1, 1), std::pair(3, 1), std::pair(2, 3)}) {
    ScheduleWithRefusals(Request(samples, beams));
  }
}

}  // namespace
}  // namespace dcp
