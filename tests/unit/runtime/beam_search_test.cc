// Beam search against exhaustive search, and against a plain one that has neither a cache nor clones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "dcp/generate.h"
#include "tests/unit/runtime/session_testing.h"

namespace dcp {
namespace {

using session_testing::WithPolicy;

struct Found {
  std::vector<TokenId> ids;
  double score = 0.0;
};

class BeamSearch : public ::testing::Test {
 protected:
  void Start(int vocab, uint64_t seed, std::optional<TokenId> eos) {
    ModelConfig config = session_testing::SmallShape();
    config.vocab_size = vocab;
    if (eos) config.eos_token_ids = {*eos};
    session_.emplace(Model::Random(config, seed), pool_, WithPolicy("dense"));
    eos_ = eos;
  }

  // log-softmax after the ids, read anew.
  std::vector<double> LogProbabilities(const std::vector<TokenId>& ids) {
    const SequenceId sequence = session_->Add();
    const FeedItem item{sequence, ids};
    const auto logits = session_->Prefill({&item, 1}).row(0);
    std::vector<double> row;
    double sum = 0;
    for (const float logit : logits) sum += std::exp(kSharpness * logit);
    for (const float logit : logits) row.push_back(kSharpness * logit - std::log(sum));
    session_->Finish(sequence);
    return row;
  }

  std::vector<GeneratedSequence> Search(const std::vector<TokenId>& prompt, const GenerateOptions& options) {
    GenerateRequest request;
    request.prompt = prompt;
    request.options = options;
    const GenerateResult result = Generate(*session_, std::span<const GenerateRequest>(&request, 1));
    EXPECT_TRUE(session_->cache().Sequences().empty());
    return result.sequences;
  }

  static constexpr double kSharpness = 1.0;
  ThreadPool pool_{2};
  std::optional<Session> session_;
  std::optional<TokenId> eos_;
};

double Normalized(double sum, size_t length, double penalty) {
  return sum / std::pow(static_cast<double>(length), penalty);
}

// Every text of up to `most` tokens that ends at eos or at `most`.
std::vector<Found> Everything(
    const std::vector<TokenId>& prompt, size_t most, double penalty, std::optional<TokenId> eos,
    const std::function<std::vector<double>(const std::vector<TokenId>&)>& log_probabilities) {
  std::vector<Found> all;
  const std::function<void(std::vector<TokenId>, double)> extend = [&](std::vector<TokenId> ids, double sum) {
    const size_t length = ids.size() - prompt.size();
    if (length == most || (length > 0 && ids.back() == eos)) {
      all.push_back({{ids.begin() + static_cast<long>(prompt.size()), ids.end()}, Normalized(sum, length, penalty)});
      return;
    }
    const std::vector<double> row = log_probabilities(ids);
    for (size_t id = 0; id < row.size(); ++id) {
      std::vector<TokenId> next = ids;
      next.push_back(static_cast<TokenId>(id));
      extend(std::move(next), sum + row[id]);
    }
  };
  extend(prompt, 0.0);
  std::stable_sort(all.begin(), all.end(), [](const Found& a, const Found& b) { return a.score > b.score; });
  return all;
}

TEST_F(BeamSearch, WithBeamsEnoughItIsExhaustive) {
  for (const uint64_t seed : {1, 2, 3}) {
    for (const bool ends : {false, true}) {
      Start(5, seed, ends ? std::optional<TokenId>(2) : std::nullopt);
      for (const float penalty : {0.0f, 1.0f, 2.0f}) {
        const auto all =
            Everything({4, 1, 0}, 4, penalty, eos_, [&](const auto& ids) { return LogProbabilities(ids); });
        GenerateOptions options;
        options.max_new_tokens = 4;
        options.num_beams = 125;
        options.samples = 3;
        options.length_penalty = penalty;
        options.early_stopping = EarlyStopping::kExhaustive;
        const auto found = Search({4, 1, 0}, options);
        for (size_t s = 0; s < 3; ++s) {
          EXPECT_EQ(found[s].generated_ids, all[s].ids) << "seed " << seed << ", penalty " << penalty << ", " << s;
          EXPECT_NEAR(found[s].beam_score.value(), all[s].score, 1e-4);
          const bool eos = ends && all[s].ids.back() == 2;
          EXPECT_EQ(found[s].finish_reason, eos ? FinishReason::kEos : FinishReason::kLength);
        }
      }
    }
  }
}

// The rules of transformers once more, over whole sequences.
std::vector<Found> PlainBeamSearch(const std::vector<TokenId>& prompt, const GenerateOptions& options,
                                   std::optional<TokenId> eos,
                                   const std::function<std::vector<double>(const std::vector<TokenId>&)>& row_after) {
  const auto beams = static_cast<size_t>(options.num_beams);
  std::vector<Found> running = {{prompt, 0.0}}, finished;
  const auto better = [](const Found& a, const Found& b) { return a.score > b.score; };
  for (int made = 1; made <= options.max_new_tokens; ++made) {
    std::vector<Found> candidates;
    for (const Found& beam : running) {
      const std::vector<double> row = row_after(beam.ids);
      for (size_t id = 0; id < row.size(); ++id) {
        Found next = beam;
        next.ids.push_back(static_cast<TokenId>(id));
        next.score += row[id];
        if (!std::isinf(next.score)) candidates.push_back(std::move(next));
      }
    }
    std::stable_sort(candidates.begin(), candidates.end(), better);
    if (candidates.size() > 2 * beams) candidates.resize(2 * beams);
    running.clear();
    const bool closed = options.early_stopping == EarlyStopping::kAtOnce && finished.size() == beams;
    for (size_t c = 0; c < candidates.size(); ++c) {
      const bool ends = candidates[c].ids.back() == eos || made == options.max_new_tokens;
      if (!ends && running.size() < beams) running.push_back(candidates[c]);
      if (!ends || c >= beams || closed) continue;
      finished.push_back({{candidates[c].ids.begin() + static_cast<long>(prompt.size()), candidates[c].ids.end()},
                          Normalized(candidates[c].score, static_cast<size_t>(made), options.length_penalty)});
    }
    std::stable_sort(finished.begin(), finished.end(), better);
    if (finished.size() > beams) finished.resize(beams);
    if (running.empty()) break;
    if (finished.size() < beams) continue;
    if (options.early_stopping == EarlyStopping::kAtOnce) break;
    const bool far = options.early_stopping == EarlyStopping::kExhaustive && options.length_penalty > 0;
    const auto length = static_cast<size_t>(far ? options.max_new_tokens : made);
    if (Normalized(running[0].score, length, options.length_penalty) <= finished.back().score) break;
  }
  return finished;
}

TEST_F(BeamSearch, AgreesWithAPlainOne) {
  size_t ended = 0, unlike_greedy = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Start(11, seed, 3);
    GenerateOptions options;
    options.max_new_tokens = 9;
    options.num_beams = static_cast<int>(2 + seed % 4);
    options.samples = options.num_beams;
    options.length_penalty = 0.5f * static_cast<float>(seed % 5) - 0.5f;
    options.early_stopping = static_cast<EarlyStopping>(seed % 3);
    if (seed % 2) options.sampling.no_repeat_ngram_size = 2;
    if (seed % 4 == 1) options.sampling.repetition_penalty = 1.5f;
    const std::vector<TokenId> prompt = {5, 9, 1, 5, 9};
    const auto processors = MakeLogitsProcessors(options.sampling);
    const auto row_after = [&](const std::vector<TokenId>& ids) {
      const std::vector<double> exact = LogProbabilities(ids);
      std::vector<float> row(exact.begin(), exact.end());
      for (const auto& processor : processors) processor->Process({ids, prompt.size(), 0, 0}, row);
      return std::vector<double>(row.begin(), row.end());
    };
    const auto expected = PlainBeamSearch(prompt, options, eos_, row_after);
    const auto found = Search(prompt, options);
    for (size_t s = 0; s < found.size(); ++s) {
      ASSERT_LT(s, expected.size());
      EXPECT_EQ(found[s].generated_ids, expected[s].ids) << "seed " << seed << ", beam " << s;
      EXPECT_NEAR(found[s].beam_score.value(), expected[s].score, 1e-4);
      ended += found[s].finish_reason == FinishReason::kEos;
    }
    options.num_beams = options.samples = 1;
    unlike_greedy += Search(prompt, options)[0].generated_ids != found[0].generated_ids;
  }
  EXPECT_GT(ended, 3u);
  EXPECT_GT(unlike_greedy, 3u);
}

TEST_F(BeamSearch, WhatIsReportedOfTheBest) {
  Start(53, 4, std::nullopt);
  GenerateOptions options;
  options.max_new_tokens = 6;
  options.num_beams = 3;
  options.samples = 2;
  options.logprobs = 2;
  options.keep_prompt_logits = true;
  const auto found = Search(session_testing::Ids(20), options);
  ASSERT_EQ(found.size(), 2u);
  for (const GeneratedSequence& sequence : found) {
    ASSERT_EQ(sequence.logprobs.size(), 6u);
    double sum = 0;
    for (const GeneratedLogprobs& logprob : sequence.logprobs) sum += logprob.logprob;
    EXPECT_NEAR(sequence.beam_score.value(), sum / 6, 1e-5);
    ASSERT_EQ(sequence.kept.size(), 3u);
    EXPECT_EQ(sequence.kept[0].size(), 25u) << "all but the last id were fed";
    EXPECT_EQ(sequence.prompt_logits.size(), 53u);
  }
  EXPECT_GE(found[0].beam_score.value(), found[1].beam_score.value());
}

TEST_F(BeamSearch, TheContextEndsIt) {
  Start(53, 4, std::nullopt);
  GenerateOptions options;
  options.num_beams = 3;
  const auto found = Search(session_testing::Ids(76), options);
  EXPECT_EQ(found[0].generated_ids.size(), 5u);
  EXPECT_EQ(found[0].finish_reason, FinishReason::kContext);
  EXPECT_EQ(Search(session_testing::Ids(80), options)[0].generated_ids.size(), 1u);
}

// Beams that nothing can follow end with what there is, or with an error.
TEST_F(BeamSearch, BansThatLeaveNothing) {
  Start(4, 2, std::nullopt);
  GenerateOptions options;
  options.max_new_tokens = 30;
  options.num_beams = 2;
  options.sampling.bad_words_ids = {{0}, {1}, {2}, {3}};
  const auto found = Search({1, 2}, options);
  EXPECT_EQ(found[0].finish_reason, FinishReason::kError);
  EXPECT_NE(found[0].error.find("banned"), std::string::npos);
  options.sampling.bad_words_ids = {};
  options.samples = 2;
  options.max_new_tokens = 1;
  options.sampling.forced_ids = {3};
  const auto forced = Search({1, 2}, options);
  EXPECT_EQ(forced[0].generated_ids, std::vector<TokenId>{3});
  EXPECT_EQ(forced[1].finish_reason, FinishReason::kError) << "there is one text only";
}

}  // namespace
}  // namespace dcp
