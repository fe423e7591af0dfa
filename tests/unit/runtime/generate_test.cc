#include "dcp/generate.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <stdexcept>

#include "tests/unit/runtime/generate_testing.h"

namespace dcp {
namespace {

using session_testing::AddFed;
using session_testing::ExpectError;
using session_testing::Ids;
using session_testing::KeptSets;
using session_testing::SmallShape;
using session_testing::WithPolicy;

using session_testing::Prompts;

class GenerateTest : public session_testing::GenerateFixture {};

TEST_F(GenerateTest, LengthAndWhatIsReported) {
  const Prompts prompts = {Ids(5), Ids(30), Ids(1)};
  GenerateOptions options = Sampled(7);
  options.keep_prompt_logits = true;
  const GenerateResult result = Run(prompts, options);
  ASSERT_EQ(result.sequences.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const GeneratedSequence& sequence = result.sequences[i];
    EXPECT_EQ(sequence.prompt_ids, prompts[i]);
    EXPECT_EQ(sequence.generated_ids.size(), 7u);
    EXPECT_EQ(sequence.finish_reason, FinishReason::kLength);
    EXPECT_EQ(sequence.text, tokenizer_->Decode(sequence.generated_ids));
    EXPECT_EQ(sequence.prompt_logits.size(), static_cast<size_t>(kVocab));
    ASSERT_EQ(sequence.kept.size(), 3u);
    EXPECT_EQ(sequence.kept[0].back(), static_cast<int32_t>(prompts[i].size() + 5)) << "the last id was not fed";
    EXPECT_TRUE(sequence.drops.empty());
  }
  EXPECT_EQ(result.stats.prefill_tokens, 36);
  EXPECT_EQ(result.stats.decode_tokens, 18);
  EXPECT_EQ(result.stats.decode_step_seconds.size(), 6u);
  EXPECT_GT(result.stats.sparsity, 0.0);
  EXPECT_EQ(result.stats.cache.seen_tokens, 36 + 18);
  ExpectNothingLeft();
}

TEST_F(GenerateTest, WithoutATokenizerThereIsNoText) {
  const GenerateResult result = Run({Ids(5)}, Sampled(4), false, [](const GeneratedToken& token) {
    EXPECT_TRUE(token.text.empty());
    return true;
  });
  EXPECT_EQ(result.sequences[0].generated_ids.size(), 4u);
  EXPECT_TRUE(result.sequences[0].text.empty());
}

TEST_F(GenerateTest, ContextIsFullAtPPositions) {
  const Prompts prompts = {Ids(80), Ids(79), Ids(78)};
  const GenerateResult result = Run(prompts, Sampled(50));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(result.sequences[i].finish_reason, FinishReason::kContext);
    EXPECT_EQ(result.sequences[i].generated_ids.size(), i + 1);
  }
  EXPECT_EQ(Run({Ids(80)}, Sampled(1)).sequences[0].finish_reason, FinishReason::kLength);
  int calls = 0;
  ExpectError(ErrorCode::kContextFull, {"prompt 1", "81", "80"}, [&] {
    Run({Ids(3), Ids(81)}, Sampled(5), true, [&](const GeneratedToken&) { return ++calls > 0; });
  });
  EXPECT_EQ(calls, 0) << "prompts are checked before any work";
  ExpectNothingLeft();
}

TEST_F(GenerateTest, EndOfTextEndsASequence) {
  const std::vector<TokenId> made = Run({Ids(6)}, Sampled(12)).sequences[0].generated_ids;
  size_t at = 0;
  while (std::count(made.begin(), made.begin() + static_cast<std::ptrdiff_t>(at) + 1, made[at]) > 1) ++at;
  Restart(made[at]);
  const GenerateResult result = Run({Ids(6)}, Sampled(12));
  const GeneratedSequence& sequence = result.sequences[0];
  const auto first = static_cast<size_t>(std::find(made.begin(), made.end(), made[at]) - made.begin());
  EXPECT_EQ(sequence.finish_reason, FinishReason::kEos);
  EXPECT_EQ(sequence.generated_ids, std::vector<TokenId>(made.begin(), made.begin() + static_cast<long>(first) + 1));
  EXPECT_EQ(sequence.text, tokenizer_->Decode(std::span(made).first(first))) << "text without the end of text";
  GenerateOptions on = Sampled(12);
  on.ignore_eos = true;
  EXPECT_EQ(Run({Ids(6)}, on).sequences[0].generated_ids, made);
}

TEST_F(GenerateTest, StopTextsEndASequence) {
  const GeneratedSequence whole = Run({Ids(6)}, Sampled(12)).sequences[0];
  const size_t begin = tokenizer_->Decode(std::span(whole.generated_ids).first(4)).size();
  GenerateOptions options = Sampled(12);
  options.stop = {"never made, surely", whole.text.substr(begin, 2)};
  const size_t first = whole.text.find(options.stop[1]);
  std::string streamed;
  const GenerateResult result = Run({Ids(6)}, options, true, [&](const GeneratedToken& token) {
    streamed += token.text;
    return true;
  });
  EXPECT_EQ(result.sequences[0].finish_reason, FinishReason::kStop);
  EXPECT_EQ(result.sequences[0].text, whole.text.substr(0, first));
  EXPECT_EQ(streamed, result.sequences[0].text);
  EXPECT_LT(result.sequences[0].generated_ids.size(), 12u);
}

TEST_F(GenerateTest, TextsDoNotDependOnTheBatch) {
  Prompts prompts;
  for (int i = 0; i < 7; ++i) prompts.push_back(Ids(static_cast<size_t>(1 + 9 * i), i));
  for (const char* policy : {"learned", "dense", "h2o:16"}) {
    Restart(std::nullopt, policy);
    GenerateOptions options = Sampled(25);
    const GenerateResult all = Run(prompts, options);
    for (const int batch : {1, 2, 5, 100}) {
      const GenerateResult result = Run(prompts, options, true, {}, {batch, {}});
      for (size_t i = 0; i < prompts.size(); ++i) {
        EXPECT_EQ(result.sequences[i].generated_ids, all.sequences[i].generated_ids)
            << policy << ", batch of " << batch;
        EXPECT_EQ(result.sequences[i].text, all.sequences[i].text);
        EXPECT_EQ(result.sequences[i].kept, all.sequences[i].kept);
        EXPECT_EQ(result.sequences[i].finish_reason, all.sequences[i].finish_reason);
      }
    }
  }
}

TEST_F(GenerateTest, MaxBatchBoundsTheSequencesAtOnce) {
  size_t most = 0;
  const auto count = [&](const GeneratedToken&) {
    most = std::max(most, session_->cache().Sequences().size());
    return true;
  };
  Run(Prompts(5, Ids(4)), Sampled(5), true, count, {2, {}});
  EXPECT_EQ(most, 2u);
}

TEST_F(GenerateTest, TheCallbackSeesEveryTokenInOrderAndTheEndOnce) {
  std::map<size_t, std::vector<TokenId>> ids;
  std::map<size_t, std::string> texts;
  std::map<size_t, int> ends;
  const auto note = [&](const GeneratedToken& token) {
    EXPECT_EQ(ends[token.sequence], 0) << "a token after the last";
    ids[token.sequence].push_back(token.id);
    texts[token.sequence] += token.text;
    ends[token.sequence] += token.last;
    return true;
  };
  const GenerateResult result = Run({Ids(3), Ids(9), Ids(77)}, Sampled(9), true, note, {2, {}});
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(ids[i], result.sequences[i].generated_ids);
    EXPECT_EQ(texts[i], result.sequences[i].text);
    EXPECT_EQ(ends[i], 1);
  }
}

TEST_F(GenerateTest, TheCallbackMayCancel) {
  for (const int at : {1, 2, 3, 8}) {
    int calls = 0;
    const auto until = [&](const GeneratedToken&) { return ++calls < at; };
    const GenerateResult result = Run({Ids(4), Ids(8), Ids(12)}, Sampled(20), true, until, {2, {}});
    EXPECT_EQ(calls, at) << "called again after it said no";
    size_t made = 0;
    for (const GeneratedSequence& sequence : result.sequences) {
      EXPECT_EQ(sequence.finish_reason, FinishReason::kCancelled);
      EXPECT_EQ(sequence.text, tokenizer_->Decode(sequence.generated_ids));
      made += sequence.generated_ids.size();
    }
    EXPECT_EQ(made, static_cast<size_t>(at));
    EXPECT_TRUE(result.sequences[2].generated_ids.empty()) << "never began";
    ExpectNothingLeft();
  }
}

TEST_F(GenerateTest, OthersInTheSessionAreLeftAlone) {
  const SequenceId mine = AddFed(*session_, Ids(20)), clone = session_->Clone(mine);
  const auto sets = KeptSets(*session_);
  const GenerateResult with = Run({Ids(5), Ids(9)}, Sampled(10));
  EXPECT_EQ(session_->cache().Sequences(), (std::vector<SequenceId>{mine, clone}));
  EXPECT_EQ(KeptSets(*session_), sets);
  int calls = 0;
  EXPECT_THROW(Run({Ids(5), Ids(9)}, Sampled(10), true,
                   [&](const GeneratedToken&) {
                     if (++calls == 5) throw std::runtime_error("enough");
                     return true;
                   }),
               std::runtime_error);
  EXPECT_EQ(KeptSets(*session_), sets) << "sequences were left behind";
  Restart();
  EXPECT_EQ(Run({Ids(5), Ids(9)}, Sampled(10)).sequences[1].generated_ids, with.sequences[1].generated_ids);
}

TEST_F(GenerateTest, DropsComeWithTheKeptSets) {
  SessionOptions options = WithPolicy("window:6");
  options.record_drops = true;
  ModelConfig config = SmallShape();
  config.vocab_size = kVocab;
  Session session(Model::Random(config, 4), pool_, options);
  const GenerateResult result = Generate(session, Prompts{Ids(10)}, Sampled(5));
  const std::vector<DropLog>& drops = result.sequences[0].drops;
  ASSERT_EQ(drops.size(), 3u);
  ASSERT_EQ(drops[0].dropped_at.size(), 14u);
  for (int32_t j = 0; j < 14; ++j) EXPECT_EQ(drops[0].dropped_at[j], j + 6 <= 13 ? j + 6 : -1);
}

TEST_F(GenerateTest, ArgumentsAreCheckedBeforeAnyWork) {
  const auto rejects = [&](const Prompts& prompts, const GenerateOptions& options, const char* part, bool text = true) {
    ExpectError(ErrorCode::kInvalidArgument, {part}, [&] { Run(prompts, options, text); });
    ExpectNothingLeft();
  };
  GenerateOptions options = Sampled(0);
  rejects({Ids(3)}, options, "max_new_tokens");
  ExpectError(ErrorCode::kInvalidArgument, {"max_batch"}, [&] { Run({Ids(3)}, Sampled(3), true, {}, {-1, {}}); });
  options = Sampled(3);
  options.sampling.top_p = 0;
  rejects({Ids(3)}, options, "top_p");
  options = Sampled(3);
  options.stop = {"x", ""};
  rejects({Ids(3)}, options, "stop");
  options.stop = {"x"};
  rejects({Ids(3)}, options, "tokenizer", false);
  rejects({Ids(3), {}}, Sampled(3), "prompt 1");
  rejects({Ids(3), {kVocab}}, Sampled(3), "258");
  rejects({{-1}}, Sampled(3), "-1");
  EXPECT_TRUE(Run({}, Sampled(3)).sequences.empty());
}

}  // namespace
}  // namespace dcp
