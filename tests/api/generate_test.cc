// Promises of generate.h about requests that cannot run.
#include <cmath>

#include "tests/api/api_testing.h"

namespace dcp {
namespace {

using api_testing::AddFed;
using api_testing::ExpectError;
using api_testing::Ids;
using api_testing::Policy;
using api_testing::SmallModel;
using api_testing::SmallShape;
using api_testing::WithPolicy;

using Prompts = std::vector<std::vector<TokenId>>;

constexpr auto kInvalid = ErrorCode::kInvalidArgument;

class GenerateApi : public testing::Test {
 protected:
  // The request ends with an error that names all of it, changes nothing for the one beside it, and is an Error where
  // prompts are treated alike.
  void ExpectRefused(const GenerateRequest& request, const std::vector<std::string>& names) {
    const GenerateRequest good{Ids(4), {.max_new_tokens = 3}};
    const GenerateRequest both[] = {request, good};
    const GenerateResult result = Generate(session_, both);
    const GenerateResult alone = Generate(session_, {&good, 1});
    EXPECT_EQ(result.sequences.back().generated_ids, alone.sequences.back().generated_ids);
    EXPECT_EQ(result.sequences[0].finish_reason, FinishReason::kError);
    EXPECT_TRUE(result.sequences[0].generated_ids.empty());
    for (const std::string& name : names) {
      EXPECT_NE(result.sequences[0].error.find(name), std::string::npos) << name << ": " << result.sequences[0].error;
    }
    EXPECT_TRUE(session_.cache().Sequences().empty());
    if (request.start != nullptr || request.policy != nullptr || !request.error.empty()) return;
    ExpectError(kInvalid, names, [&] { Generate(session_, Prompts{request.prompt}, request.options); });
  }
  void ExpectOptionsRefused(const GenerateOptions& options, const std::vector<std::string>& names) {
    ExpectRefused({Ids(4), options}, names);
  }

  ThreadPool pool_{2};
  Session session_{SmallModel(), pool_, WithPolicy("learned")};
};

TEST_F(GenerateApi, OptionsOutOfRangeAreNamed) {
  ExpectOptionsRefused({.max_new_tokens = 0}, {"max_new_tokens", "0", "1"});
  ExpectOptionsRefused({.min_new_tokens = -1}, {"min_new_tokens", "-1"});
  ExpectOptionsRefused({.sampling = {.top_p = 2}}, {"top_p", "2"});
  ExpectOptionsRefused({.sampling = {.forced_ids = {53}}}, {"forced_ids", "53", "52"});
  ExpectOptionsRefused({.stop = {"text"}}, {"stop", "tokenizer"});
  ExpectOptionsRefused({.stop = {""}}, {"stop", "empty"});
  ExpectOptionsRefused({.stop_ids = {53}}, {"stop_ids", "53", "52"});
  ExpectOptionsRefused({.samples = 0}, {"samples", "0", "1"});
  ExpectOptionsRefused({.num_beams = 0}, {"num_beams", "0", "1"});
  ExpectOptionsRefused({.sampling = {.temperature = 1}, .num_beams = 2}, {"num_beams", "2", "temperature", "1"});
  ExpectOptionsRefused({.samples = 3, .num_beams = 2}, {"num_beams", "2", "samples", "3"});
  ExpectOptionsRefused({.overflow = Overflow::kSlide, .num_beams = 2}, {"num_beams", "2", "slide"});
  ExpectOptionsRefused({.num_beams = 2, .length_penalty = std::nanf("")}, {"length_penalty", "nan"});
  ExpectOptionsRefused({.continuations = {{}}}, {"continuation 0", "0 tokens"});
  ExpectOptionsRefused({.continuations = {{1}, {53}}}, {"continuation 1", "53", "52"});
  ExpectOptionsRefused({.samples = 2, .continuations = {{1}}}, {"samples", "2"});
  ExpectOptionsRefused({.num_beams = 2, .continuations = {{1}}}, {"num_beams", "2"});
  ExpectOptionsRefused({.logprobs = -1}, {"logprobs", "-1", "53"});
  ExpectOptionsRefused({.logprobs = 54}, {"logprobs", "54", "53"});
  ExpectOptionsRefused({.report_drops = true}, {"report_drops", "record_drops"});
}

TEST_F(GenerateApi, RequestsThatCannotRunAreNamed) {
  ExpectRefused({{1, 53}, {}}, {"53", "52"});
  ExpectRefused({{-1}, {}}, {"-1", "52"});
  GenerateRequest request{Ids(4), {}};
  request.error = "line 7 is no JSON";
  ExpectRefused(request, {"line 7 is no JSON"});
  request.error.clear();
  request.policy = Policy("h2o:8");
  ExpectRefused(request, {"h2o:8", "attention"});
}

TEST_F(GenerateApi, DropsAreNotReportedWhereTheyAreNotKnown) {
  SessionOptions options = WithPolicy("learned");
  options.record_drops = true;
  Session recording(SmallModel(), pool_, options);
  const auto refused = [&](GenerateOptions wanted, const std::string& why) {
    wanted.report_drops = true;
    ExpectError(kInvalid, {"report_drops", why}, [&] { Generate(recording, Prompts{Ids(4)}, wanted); });
  };
  refused({.num_beams = 2}, "beams");
  refused({.overflow = Overflow::kSlide}, "slide");
  EXPECT_NO_THROW(Generate(recording, Prompts{Ids(4)}, {.max_new_tokens = 2, .report_drops = true}));
}

TEST_F(GenerateApi, BeginningsThatWereReadHaveToBeThePrompts) {
  const PromptState state = ReadPrompt(session_, Ids(6));
  GenerateRequest request{Ids(4), {.max_new_tokens = 2}};
  request.start = &state;
  ExpectError(kInvalid, {"6 tokens", "index 4"}, [&] { PreparePrompt(request, session_.model().config()); });
  const auto error = [&] { return Generate(session_, {&request, 1}).sequences[0].error; };
  EXPECT_NE(error().find("saved one"), std::string::npos) << error();
  request.prompt = Ids(8);
  EXPECT_EQ(error(), "");
  request.policy = Policy("dense");
  EXPECT_NE(error().find("policy"), std::string::npos) << error();
  EXPECT_EQ(session_.cache().Sequences(), std::vector<SequenceId>{state.sequence});
}

TEST_F(GenerateApi, PromptsThatAreTooLongNameBothNumbers) {
  const ModelConfig& config = session_.model().config();
  ExpectError(ErrorCode::kContextFull, {"81", "80"}, [&] { PreparePrompt({Ids(81), {}}, config); });
  ExpectError(ErrorCode::kContextFull, {"continuation 1", "81", "80"}, [&] {
    PreparePrompt({Ids(79), {.continuations = {{1}, {1, 2, 3}}}}, config);
  });
  const std::vector<std::vector<TokenId>> prompts = {Ids(3), Ids(81)};
  ExpectError(ErrorCode::kContextFull, {"prompt 1: ", "81", "80"}, [&] { Generate(session_, prompts, {}); });
  const GenerateRequest request{Ids(81), {}};
  const GeneratedSequence sequence = Generate(session_, {&request, 1}).sequences[0];
  EXPECT_EQ(sequence.finish_reason, FinishReason::kError);
  EXPECT_NE(sequence.error.find("81"), std::string::npos) << sequence.error;
  EXPECT_EQ(PreparePrompt({Ids(81), {.truncate = Truncate::kLeft}}, config).size(), 40u);
  const auto full = Generate(session_, Prompts{Ids(80)}, {.max_new_tokens = 5}).sequences[0];
  EXPECT_EQ(full.generated_ids.size(), 1u);
  EXPECT_EQ(full.finish_reason, FinishReason::kContext);
}

TEST_F(GenerateApi, AnEmptyPromptNeedsATokenToBeginWith) {
  ModelConfig config = SmallShape();
  ExpectError(kInvalid, {"empty", "bos", "eos"}, [&] { PreparePrompt({}, config); });
  config.eos_token_ids = {7, 8};
  EXPECT_EQ(PreparePrompt({}, config), std::vector<TokenId>{7});
  config.bos_token_id = 9;
  EXPECT_EQ(PreparePrompt({}, config), std::vector<TokenId>{9});
  ExpectError(kInvalid, {"prompt 0: ", "empty"}, [&] { Generate(session_, Prompts{{}}, GenerateOptions()); });
}

TEST_F(GenerateApi, BatchOptionsAreChecked) {
  const GenerateRequest request{Ids(4), {}};
  ExpectError(kInvalid, {"max_batch", "-1"}, [&] { Generate(session_, {&request, 1}, {.max_batch = -1}); });
  EXPECT_TRUE(Generate(session_, std::span<const GenerateRequest>()).sequences.empty());
}

TEST_F(GenerateApi, WhatTheCallbackThrowsComesOutAndLeavesNoSequence) {
  struct Own {};
  const SequenceId other = AddFed(session_, Ids(5));
  const auto throws = [](const GeneratedToken&) -> bool { throw Own(); };
  EXPECT_THROW(Generate(session_, Prompts{Ids(4)}, {.max_new_tokens = 3}, nullptr, throws), Own);
  EXPECT_EQ(session_.cache().Sequences(), std::vector<SequenceId>{other});
}

TEST_F(GenerateApi, ReasonsHaveNames) {
  EXPECT_EQ(ToString(FinishReason::kLength), "length");
  EXPECT_EQ(ToString(FinishReason::kEos), "eos");
  EXPECT_EQ(ToString(FinishReason::kStop), "stop");
  EXPECT_EQ(ToString(FinishReason::kContext), "context");
  EXPECT_EQ(ToString(FinishReason::kCancelled), "cancelled");
  EXPECT_EQ(ToString(FinishReason::kError), "error");
}

}  // namespace
}  // namespace dcp
