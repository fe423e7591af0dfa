// Requests with settings of their own: errors of one alone, samples, what is done at the ends of the context,
// log-probabilities, scores, prompts that were read before.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "dcp/generate.h"
#include "tests/unit/runtime/generate_testing.h"

namespace dcp {
namespace {

using session_testing::ExpectError;
using session_testing::Ids;
using session_testing::Prompts;

class GenerateRequests : public session_testing::GenerateFixture {
 protected:
  // Log-probabilities in double precision after each of the ids, read alone under the session's policy token by token.
  std::vector<std::vector<double>> LogProbabilities(const std::vector<TokenId>& ids) {
    std::vector<std::vector<double>> rows;
    const SequenceId sequence = session_->Add();
    for (const TokenId id : ids) {
      const auto logits = session_->Decode({&sequence, 1}, {&id, 1}).row(0);
      double sum = 0;
      for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
      std::vector<double>& row = rows.emplace_back();
      for (const float logit : logits) row.push_back(logit - std::log(sum));
    }
    session_->Finish(sequence);
    return rows;
  }
};

TEST_F(GenerateRequests, EachIsAsIfItRanAlone) {
  std::vector<GenerateRequest> requests;
  requests.push_back(Request(Ids(5), 7));
  requests.push_back(Request(Ids(30), 20));
  requests[1].options.sampling.temperature = 0;
  requests[1].options.sampling.repetition_penalty = 1.4f;
  requests.push_back(Request(Ids(1), 12));
  requests[2].options.sampling.seed = 77;
  requests[2].options.samples = 3;
  requests[2].stream = 6;
  requests.push_back(Request(Ids(9), 10));
  requests[3].options.sampling = {};
  requests[3].options.num_beams = 3;
  requests.push_back(Request(Ids(4), 5));
  requests[4].options.continuations = {Ids(3), Ids(40), Ids(1)};
  std::vector<GeneratedSequence> alone;
  for (const GenerateRequest& request : requests) {
    for (const GeneratedSequence& sequence : Run({request}).sequences) alone.push_back(sequence);
  }
  for (const int batch : {0, 1, 2, 4}) {
    const GenerateResult result = Run(requests, {batch, {}});
    ASSERT_EQ(result.sequences.size(), alone.size());
    for (size_t i = 0; i < alone.size(); ++i) {
      EXPECT_EQ(result.sequences[i].generated_ids, alone[i].generated_ids) << i << ", batch of " << batch;
      EXPECT_EQ(result.sequences[i].text, alone[i].text);
      EXPECT_EQ(result.sequences[i].kept, alone[i].kept);
      EXPECT_EQ(result.sequences[i].beam_score, alone[i].beam_score);
      EXPECT_EQ(result.sequences[i].scores.size(), alone[i].scores.size());
      for (size_t c = 0; c < alone[i].scores.size(); ++c) {
        EXPECT_EQ(result.sequences[i].scores[c].logprobs, alone[i].scores[c].logprobs);
      }
    }
    ExpectNothingLeft();
  }
}

TEST_F(GenerateRequests, OneThatCannotRunFailsAlone) {
  std::vector<GenerateRequest> requests(9, Request(Ids(4), 5));
  requests[1].prompt = Ids(81);
  requests[2].prompt = {3, kVocab};
  requests[3].options.sampling.top_p = 0;
  requests[4].options.max_new_tokens = 0;
  requests[5].error = "it says so";
  requests[6].prompt = {};
  requests[7].options.sampling.logit_bias = {{kVocab, 1.0f}};
  requests[7].options.samples = 2;
  std::set<size_t> told;
  const GenerateResult result = Run(requests, {}, [&](const GeneratedToken& token) {
    if (token.id < 0) {
      EXPECT_TRUE(token.last && token.text.empty());
      told.insert(token.sequence);
    }
    return true;
  });
  ASSERT_EQ(result.sequences.size(), 10u);
  const std::vector<std::string> words = {"81 tokens exceed the model's 80 positions",
                                          "258",
                                          "top_p",
                                          "max_new_tokens",
                                          "it says so",
                                          "neither a bos nor an eos",
                                          "logit_bias"};
  for (size_t i = 0; i < 10; ++i) {
    const GeneratedSequence& sequence = result.sequences[i];
    const bool runs = i == 0 || i == 9;
    EXPECT_EQ(sequence.finish_reason, runs ? FinishReason::kLength : FinishReason::kError) << i;
    EXPECT_EQ(sequence.generated_ids.size(), runs ? 5u : 0u) << i;
    EXPECT_EQ(sequence.error.empty(), runs) << i;
    EXPECT_EQ(told.count(i), runs ? 0u : 1u) << i;
    const std::string expected = runs ? "" : words[std::min<size_t>(i - 1, 6)];
    EXPECT_NE(sequence.error.find(expected), std::string::npos) << sequence.error;
  }
  EXPECT_EQ(result.sequences[8].request, 7u);
  EXPECT_EQ(result.sequences[8].sample, 1);
  EXPECT_EQ(result.sequences[9].generated_ids, RunOne(requests[0]).generated_ids);
}

TEST_F(GenerateRequests, AnEmptyPromptBeginsAtBosOrEos) {
  Restart(17);
  const GeneratedSequence at_eos = RunOne(Request({}, 4));
  EXPECT_EQ(at_eos.prompt_ids, std::vector<TokenId>{17});
  EXPECT_EQ(at_eos.generated_ids, RunOne(Request({17}, 4)).generated_ids);
}

TEST_F(GenerateRequests, BansThatLeaveNothingEndASequence) {
  GenerateRequest request = Request(Ids(3), 20);
  request.options.sampling.temperature = 0;
  for (TokenId id = 0; id < kVocab; ++id) {
    if (id != 65 && id != 66) request.options.sampling.bad_words_ids.push_back({id});
  }
  request.options.sampling.no_repeat_ngram_size = 2;
  const GeneratedSequence sequence = RunOne(request);
  EXPECT_EQ(sequence.finish_reason, FinishReason::kError);
  EXPECT_NE(sequence.error.find("banned"), std::string::npos) << sequence.error;
  EXPECT_EQ(sequence.generated_ids.size(), 5u) << "two tokens make four pairs";
  EXPECT_EQ(sequence.text, tokenizer_->Decode(sequence.generated_ids));
  ExpectNothingLeft();
}

TEST_F(GenerateRequests, MinNewTokensAndStopIds) {
  GenerateRequest request = Request(Ids(6), 30);
  const std::vector<TokenId> made = RunOne(request).generated_ids;
  request.options.stop_ids = {made[3], made[4]};
  const auto first = std::find_first_of(made.begin(), made.end(), made.begin() + 3, made.begin() + 5);
  const GeneratedSequence stopped = RunOne(request);
  EXPECT_EQ(stopped.finish_reason, FinishReason::kEos);
  EXPECT_EQ(stopped.generated_ids, std::vector<TokenId>(made.begin(), first + 1));
  request.options.min_new_tokens = 10;
  const GeneratedSequence longer = RunOne(request);
  EXPECT_GE(longer.generated_ids.size(), 11u);
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_NE(longer.generated_ids[i], made[3]);
    EXPECT_NE(longer.generated_ids[i], made[4]);
  }
}

TEST_F(GenerateRequests, SamplesAreIndependentAndReproducible) {
  GenerateRequest request = Request(Ids(12), 15);
  request.options.samples = 6;
  const GenerateResult six = Run({request});
  ASSERT_EQ(six.sequences.size(), 6u);
  std::set<std::vector<TokenId>> texts;
  for (size_t s = 0; s < 6; ++s) {
    EXPECT_EQ(six.sequences[s].request, 0u);
    EXPECT_EQ(six.sequences[s].sample, static_cast<int>(s));
    EXPECT_EQ(six.sequences[s].prompt_ids, request.prompt);
    texts.insert(six.sequences[s].generated_ids);
  }
  EXPECT_EQ(texts.size(), 6u);
  EXPECT_EQ(six.stats.prefill_tokens, 12) << "the prompt is read once";
  request.options.samples = 2;
  const GenerateResult two = Run({request});
  for (size_t s = 0; s < 2; ++s) EXPECT_EQ(two.sequences[s].generated_ids, six.sequences[s].generated_ids);
  // Sample s draws as stream + s * 2^32.
  request.options.samples = 1;
  request.stream = uint64_t{1} << 32;
  EXPECT_EQ(RunOne(request).generated_ids, six.sequences[1].generated_ids);
}

TEST_F(GenerateRequests, EightSamplesUseTheMemoryOfOnePrompt) {
  Restart(std::nullopt, "dense");
  GenerateRequest request = Request(Ids(64), 2);
  const CacheStats one = Run({request}).stats.cache;
  request.options.samples = 8;
  const CacheStats eight = Run({request}).stats.cache;
  // 64 tokens fill four pages of each layer, which stay shared; the token that each was fed has a page of its own.
  EXPECT_EQ(one.pages_in_use, 3u * (4 + 1));
  EXPECT_EQ(eight.pages_in_use, 3u * (4 + 8));
  EXPECT_EQ(eight.live_bytes, 8 * one.live_bytes) << "what each would need alone";
}

TEST_F(GenerateRequests, TruncateLeavesRoomForTheNewTokens) {
  GenerateRequest request = Request(Ids(200), 10);
  request.options.truncate = Truncate::kLeft;
  const auto last = [](std::vector<TokenId> ids, size_t count) {
    return std::vector<TokenId>(ids.end() - static_cast<long>(count), ids.end());
  };
  GeneratedSequence sequence = RunOne(request);
  EXPECT_EQ(sequence.prompt_ids, last(Ids(200), 70));
  EXPECT_EQ(sequence.finish_reason, FinishReason::kLength);
  EXPECT_EQ(sequence.generated_ids, RunOne(Request(last(Ids(200), 70), 10)).generated_ids);
  request.options.max_new_tokens = 500;
  sequence = RunOne(request);
  EXPECT_EQ(sequence.prompt_ids, last(Ids(200), 40)) << "at most half is left free";
  EXPECT_EQ(sequence.finish_reason, FinishReason::kContext);
  request.options.overflow = Overflow::kSlide;
  EXPECT_EQ(RunOne(request).prompt_ids, last(Ids(200), 80));
  request.prompt = Ids(70);
  request.options.max_new_tokens = 10;
  EXPECT_EQ(RunOne(request).prompt_ids, Ids(70)) << "what fits stays";
}

// A slide is what a new request with the last half as its prompt would be, with the draws of this one.
TEST_F(GenerateRequests, SlideReadsTheLastHalfAgain) {
  for (const char* policy : {"dense", "learned", "window:16"}) {
    Restart(std::nullopt, policy);
    GenerateRequest request = Request(Ids(20), 150);
    request.options.sampling.temperature = 0;
    request.options.samples = 2;
    request.options.overflow = Overflow::kSlide;
    const GenerateResult result = Run({request});
    const GeneratedSequence& sequence = result.sequences[0];
    EXPECT_EQ(sequence.finish_reason, FinishReason::kLength);
    ASSERT_EQ(sequence.generated_ids.size(), 150u);
    EXPECT_EQ(sequence.slides, 3) << "with 81 tokens, and then with 41 more each time";
    EXPECT_EQ(result.sequences[1].generated_ids, sequence.generated_ids);
    std::vector<TokenId> ids = request.prompt;
    ids.insert(ids.end(), sequence.generated_ids.begin(), sequence.generated_ids.end());
    for (size_t slide = 0; slide < 3; ++slide) {
      const size_t full = 81 + 41 * slide;  // tokens there are when the last of them finds no position
      const std::vector<TokenId> half(ids.begin() + static_cast<long>(full) - 40,
                                      ids.begin() + static_cast<long>(full));
      const size_t more = std::min<size_t>(41, ids.size() - full);
      GenerateRequest again = Request(half, static_cast<int>(more));
      again.options.sampling.temperature = 0;
      EXPECT_EQ(RunOne(again).generated_ids, std::vector<TokenId>(ids.begin() + static_cast<long>(full),
                                                                  ids.begin() + static_cast<long>(full + more)))
          << policy << ", slide " << slide;
    }
    EXPECT_EQ(result.stats.prefill_tokens, 20 + 2 * 3 * 40);
    ExpectNothingLeft();
  }
}

TEST_F(GenerateRequests, LogprobsAreTheModelsOwn) {
  Restart(std::nullopt, "dense");
  GenerateRequest request = Request(Ids(6), 9);
  request.options.sampling.repetition_penalty = 3.0f;
  request.options.sampling.temperature = 0.5f;
  request.options.logprobs = 4;
  const GeneratedSequence sequence = RunOne(request);
  std::vector<TokenId> ids = request.prompt;
  ids.insert(ids.end(), sequence.generated_ids.begin(), sequence.generated_ids.end());
  const auto rows = LogProbabilities(ids);
  ASSERT_EQ(sequence.logprobs.size(), 9u);
  for (size_t i = 0; i < 9; ++i) {
    const std::vector<double>& row = rows[5 + i];
    const GeneratedLogprobs& found = sequence.logprobs[i];
    EXPECT_NEAR(found.logprob, row[static_cast<size_t>(sequence.generated_ids[i])], 1e-4);
    std::vector<double> sorted = row;
    std::sort(sorted.rbegin(), sorted.rend());
    ASSERT_EQ(found.top.size(), 4u);
    for (size_t k = 0; k < 4; ++k) {
      EXPECT_NEAR(found.top[k].logprob, sorted[k], 1e-4);
      EXPECT_NEAR(found.top[k].logprob, row[static_cast<size_t>(found.top[k].id)], 1e-4);
    }
  }
  request.options.logprobs = 0;
  EXPECT_TRUE(RunOne(request).logprobs[0].top.empty());
  request.options.logprobs = kVocab;
  double sum = 0;
  const GeneratedSequence whole = RunOne(request);
  for (const TokenLogprob& token : whole.logprobs[0].top) sum += std::exp(static_cast<double>(token.logprob));
  EXPECT_NEAR(sum, 1.0, 1e-5);
}

TEST_F(GenerateRequests, ScoresAreSumsOfLogProbabilities) {
  for (const char* policy : {"dense", "learned", "h2o:16"}) {
    Restart(std::nullopt, policy);
    GenerateRequest request = Request(Ids(6), 1);
    request.options.sampling.temperature = 0;
    request.options.max_new_tokens = 5;
    const std::vector<TokenId> greedy = RunOne(request).generated_ids;
    request.options.continuations = {greedy, Ids(70, 8), {4}, {greedy[0]}};
    const GeneratedSequence sequence = RunOne(request);
    EXPECT_TRUE(sequence.generated_ids.empty());
    ASSERT_EQ(sequence.scores.size(), 4u);
    for (size_t c = 0; c < 4; ++c) {
      const std::vector<TokenId>& ids = request.options.continuations[c];
      std::vector<TokenId> whole = request.prompt;
      whole.insert(whole.end(), ids.begin(), ids.end());
      const auto rows = LogProbabilities(whole);
      double sum = 0;
      ASSERT_EQ(sequence.scores[c].logprobs.size(), ids.size());
      for (size_t i = 0; i < ids.size(); ++i) {
        const double expected = rows[5 + i][static_cast<size_t>(ids[i])];
        EXPECT_NEAR(sequence.scores[c].logprobs[i], expected, 2e-4) << policy << ": " << c << ", " << i;
        sum += expected;
      }
      EXPECT_NEAR(sequence.scores[c].logprob, sum, 2e-3);
      EXPECT_EQ(sequence.scores[c].greedy, c == 0 || c == 3) << c;
    }
    ExpectNothingLeft();
  }
  GenerateRequest request = Request(Ids(10), 1);
  request.options.continuations = {Ids(72)};
  EXPECT_NE(RunOne(request).error.find("continuation 0: 81 tokens"), std::string::npos);
  request.options.continuations = {Ids(71), {}};
  EXPECT_NE(RunOne(request).error.find("continuation 1"), std::string::npos);
  request.options.continuations = {Ids(71)};
  EXPECT_EQ(RunOne(request).error, "");
}

// More rows of logits than one pass holds: what waits is cut as it would be alone.
TEST_F(GenerateRequests, ManyScoresAreThoseOfEachAlone) {
  std::vector<GenerateRequest> requests(3, Request(Ids(6), 1));
  for (size_t i = 0; i < 45; ++i) requests[i / 15].options.continuations.push_back(Ids(30 + i, static_cast<int>(i)));
  const GenerateResult all = Run(requests);
  for (size_t i = 0; i < 45; i += 4) {
    GenerateRequest alone = Request(Ids(6), 1);
    alone.options.continuations = {requests[i / 15].options.continuations[i % 15]};
    EXPECT_EQ(all.sequences[i / 15].scores[i % 15].logprobs, RunOne(alone).scores[0].logprobs) << i;
  }
}

TEST_F(GenerateRequests, APromptThatWasReadGivesTheSame) {
  for (const char* policy : {"dense", "learned", "h2o:16"}) {
    Restart(std::nullopt, policy);
    const std::vector<TokenId> prompt = Ids(40);
    GenerateRequest request = Request(prompt, 12);
    request.options.samples = 2;
    const GenerateResult plain = Run({request});
    const PromptState state = ReadPrompt(*session_, prompt);
    const auto before = session_->cache().KeptPositions(0, state.sequence);
    request.start = &state;
    for (int again = 0; again < 2; ++again) {
      const GenerateResult result = Run({request});
      EXPECT_EQ(result.stats.prefill_tokens, 0);
      for (size_t s = 0; s < 2; ++s) {
        EXPECT_EQ(result.sequences[s].generated_ids, plain.sequences[s].generated_ids) << policy;
        EXPECT_EQ(result.sequences[s].kept, plain.sequences[s].kept) << policy;
      }
    }
    request.prompt.push_back(7);
    EXPECT_EQ(Run({request}).stats.prefill_tokens, 1);
    EXPECT_EQ(session_->cache().KeptPositions(0, state.sequence), before);
    request.prompt = Ids(39);
    EXPECT_NE(RunOne(request).error.find("at index 39 it ends"), std::string::npos) << RunOne(request).error;
    request.prompt = Ids(40);
    request.prompt[9] += 1;
    EXPECT_NE(RunOne(request).error.find("at index 9"), std::string::npos) << RunOne(request).error;
    session_->Finish(state.sequence);
  }
}

TEST_F(GenerateRequests, GoOnIsAskedBetweenSteps) {
  GenerateRequest request = Request(Ids(5), 30);
  request.options.sampling = {};
  request.options.num_beams = 2;
  int asked = 0;
  const GenerateResult result = Run({request, Request(Ids(7), 30)}, {0, [&] { return ++asked < 6; }});
  EXPECT_EQ(asked, 6);
  EXPECT_EQ(result.sequences[0].finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(result.sequences[0].generated_ids.size(), 6u) << "the best beam so far";
  EXPECT_EQ(result.sequences[1].finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(result.sequences[1].generated_ids.size(), 6u);
  ExpectNothingLeft();
}

TEST_F(GenerateRequests, OptionsThatContradictEachOther) {
  const auto refuse = [&](const char* word, const auto& set) {
    GenerateRequest request = Request(Ids(5), 3);
    request.options.sampling.temperature = 0;
    set(request.options);
    const GeneratedSequence sequence = RunOne(request);
    EXPECT_EQ(sequence.finish_reason, FinishReason::kError) << word;
    EXPECT_NE(sequence.error.find(word), std::string::npos) << sequence.error;
  };
  refuse("samples", [](GenerateOptions& o) { o.samples = 0; });
  refuse("min_new_tokens", [](GenerateOptions& o) { o.min_new_tokens = -1; });
  refuse("num_beams", [](GenerateOptions& o) { o.num_beams = 0; });
  refuse("temperature is 0.5", [](GenerateOptions& o) { o.num_beams = 2, o.sampling.temperature = 0.5f; });
  refuse("samples is 3", [](GenerateOptions& o) { o.num_beams = 2, o.samples = 3; });
  refuse("overflow", [](GenerateOptions& o) { o.num_beams = 2, o.overflow = Overflow::kSlide; });
  refuse("length_penalty", [](GenerateOptions& o) { o.length_penalty = INFINITY; });
  refuse("logprobs", [](GenerateOptions& o) { o.logprobs = kVocab + 1; });
  refuse("stop_ids", [](GenerateOptions& o) { o.stop_ids = {kVocab}; });
  refuse("samples", [](GenerateOptions& o) { o.continuations = {{1}}, o.samples = 2; });
}

}  // namespace
}  // namespace dcp
