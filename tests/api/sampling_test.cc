// Promises of logits_processor.h and sampler.h.
#include <cmath>
#include <limits>

#include "tests/api/api_testing.h"

namespace dcp {
namespace {

using api_testing::ExpectError;

constexpr auto kInvalid = ErrorCode::kInvalidArgument;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Puts one number in the place of every logit.
class Fill : public LogitsProcessor {
 public:
  explicit Fill(float value) : value_(value) {}
  void Process(const TokenHistory&, std::span<float> logits) const override {
    std::fill(logits.begin(), logits.end(), value_);
  }

 private:
  float value_;
};

SamplingOptions With(std::shared_ptr<const LogitsProcessor> processor) {
  SamplingOptions options;
  options.processors = {std::move(processor)};
  return options;
}

TEST(SamplingOptionsApi, FieldsOutOfRangeAreNamedWithTheirValues) {
  const auto refused = [](const SamplingOptions& options, const std::vector<std::string>& names) {
    ExpectError(kInvalid, names, [&] { options.Validate(); });
    ExpectError(kInvalid, names, [&] { MakeLogitsProcessors(options); });
    ExpectError(kInvalid, names, [&] { Sampler sampler(options); });
  };
  refused({.temperature = -1}, {"temperature", "-1"});
  refused({.temperature = kNaN}, {"temperature", "nan"});
  refused({.temperature = kInfinity}, {"temperature", "inf"});
  refused({.top_k = -2}, {"top_k", "-2"});
  refused({.top_p = 0}, {"top_p", "0"});
  refused({.top_p = 1.5}, {"top_p", "1.5"});
  refused({.min_p = -0.5}, {"min_p", "-0.5"});
  refused({.min_p = 2}, {"min_p", "2"});
  refused({.typical_p = 0}, {"typical_p", "0"});
  refused({.repetition_penalty = 0}, {"repetition_penalty", "0"});
  refused({.repetition_penalty = kInfinity}, {"repetition_penalty", "inf"});
  refused({.presence_penalty = kNaN}, {"presence_penalty", "nan"});
  refused({.frequency_penalty = kInfinity}, {"frequency_penalty", "inf"});
  refused({.no_repeat_ngram_size = -1}, {"no_repeat_ngram_size", "-1"});
  refused({.logit_bias = {{3, kNaN}}}, {"logit_bias", "3", "nan"});
  refused({.logit_bias = {{-3, 1}}}, {"logit_bias", "-3"});
  refused({.bad_words_ids = {{}}}, {"bad_words_ids", "empty"});
  refused({.bad_words_ids = {{1, -1}}}, {"bad_words_ids", "-1"});
  refused({.forced_ids = {-5}}, {"forced_ids", "-5"});
  refused(With(nullptr), {"processors", "null"});
  EXPECT_NO_THROW(SamplingOptions().Validate());
}

TEST(SamplingOptionsApi, IdsOutsideTheVocabularyAreNamed) {
  const auto refused = [](const SamplingOptions& options, const std::string& field) {
    ExpectError(kInvalid, {field, "9", "0..8"}, [&] { options.CheckVocabulary(9); });
    EXPECT_NO_THROW(options.CheckVocabulary(10));
  };
  refused({.logit_bias = {{9, 1}}}, "logit_bias");
  refused({.bad_words_ids = {{1, 9}}}, "bad_words_ids");
  refused({.forced_ids = {9}}, "forced_ids");
}

// What would be written outside of the logits is an error.
TEST(LogitsProcessorsApi, IdsThatTheLogitsDoNotHaveAreNamed) {
  const std::vector<TokenId> ids = {1, 9, 1};
  const auto refused = [&](const SamplingOptions& options, size_t prompt_tokens) {
    std::vector<float> logits(9);
    for (const auto& processor : MakeLogitsProcessors(options)) {
      ExpectError(kInvalid, {"id 9", "9 logits"},
                  [&] { processor->Process({.ids = ids, .prompt_tokens = prompt_tokens}, logits); });
    }
    ExpectError(kInvalid, {"id 9"},
                [&] { Sampler(options).Sample(logits, {.ids = ids, .prompt_tokens = prompt_tokens}); });
  };
  refused({.repetition_penalty = 2}, 3);
  refused({.presence_penalty = 1}, 0);
  refused({.no_repeat_ngram_size = 2}, 3);
  refused({.logit_bias = {{9, 1}}}, 3);
  refused({.bad_words_ids = {{9}}}, 3);
  refused({.forced_ids = {9}}, 3);
  std::vector<float> logits(9);
  ExpectError(kInvalid, {"id 9"}, [&] { MakeMinNewTokensProcessor({9}, 1)->Process({}, logits); });
  ExpectError(kInvalid, {"id -1"}, [&] { MakeMinNewTokensProcessor({-1}, 1)->Process({}, logits); });
  ExpectError(kInvalid, {"min_new_tokens", "-1"}, [] { MakeMinNewTokensProcessor({1}, -1); });
}

TEST(SamplerApi, LogitsThatNobodyCanChooseFrom) {
  const std::vector<float> logits = {1, 2, kNaN, 3}, good = {1, 2, 3}, none;
  for (const float temperature : {0.0f, 1.0f}) {
    Sampler sampler({.temperature = temperature});
    ExpectError(ErrorCode::kInvalidModel, {"logit 2 of 4", "NaN"}, [&] { sampler.Sample(logits, 0, 0); });
    ExpectError(ErrorCode::kInvalidModel, {"logit 2 of 4", "NaN"}, [&] { sampler.Sample(logits, TokenHistory{}); });
    ExpectError(kInvalid, {"0 logits"}, [&] { sampler.Sample(none, 0, 0); });
    ExpectError(kInvalid, {"0 logits"}, [&] { sampler.Sample(none, TokenHistory{}); });
  }
  Sampler leaves_nan(With(std::make_shared<Fill>(kNaN)));
  ExpectError(kInvalid, {"processor", "NaN"}, [&] { leaves_nan.Sample(good, TokenHistory{}); });
  Sampler leaves_none(With(std::make_shared<Fill>(-kInfinity)));
  ExpectError(kInvalid, {"every token", "banned"}, [&] { leaves_none.Sample(good, TokenHistory{}); });
  ExpectError(kInvalid, {"processors", "tokens before"}, [&] { leaves_none.Sample(good, 0, 0); });
}

TEST(SamplerApi, WhatAProcessorThrowsComesOutAsItIs) {
  struct Own {};
  class Throwing : public LogitsProcessor {
    void Process(const TokenHistory&, std::span<float>) const override { throw Own(); }
  };
  ThreadPool pool(1);
  Session session(api_testing::SmallModel(), pool);
  GenerateRequest request{{1, 2}, {}};
  request.options.sampling.processors = {std::make_shared<Throwing>()};
  EXPECT_THROW(Generate(session, {&request, 1}), Own);
  EXPECT_TRUE(session.cache().Sequences().empty());
}

TEST(SamplerApi, CounterUniformIsInRange) {
  for (uint64_t i = 0; i < 1000; ++i) {
    const double x = CounterUniform(i, ~i, i * i);
    EXPECT_GE(x, 0);
    EXPECT_LT(x, 1);
    EXPECT_EQ(x, CounterUniform(i, ~i, i * i));
  }
}

}  // namespace
}  // namespace dcp
