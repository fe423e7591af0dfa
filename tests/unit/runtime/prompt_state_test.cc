// Prompts kept as bytes: the same afterwards, bit for bit; damage and strangers are refused.
#include "dcp/prompt_state.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/unit/runtime/generate_testing.h"

namespace dcp {
namespace {

using session_testing::ExpectError;
using session_testing::Ids;
using session_testing::SmallShape;
using session_testing::WithPolicy;

class PromptStateTest : public session_testing::GenerateFixture {
 protected:
  std::string Saved(const std::vector<TokenId>& ids) {
    const PromptState state = ReadPrompt(*session_, ids);
    std::ostringstream out;
    SavePromptState(*session_, state, &*tokenizer_, out);
    session_->Finish(state.sequence);
    return out.str();
  }
  PromptState Load(Session& session, const std::string& bytes) {
    std::istringstream in(bytes);
    return LoadPromptState(session, &*tokenizer_, in);
  }
  void ExpectRefused(Session& session, const std::string& bytes, const std::vector<std::string>& words) {
    ExpectError(ErrorCode::kInvalidArgument, words, [&] { Load(session, bytes); });
    EXPECT_TRUE(session.cache().Sequences().empty());
  }
  Session NewSession(const std::string& policy, uint64_t seed = 4, KvType kv = KvType::kF32) {
    ModelConfig config = SmallShape();
    config.vocab_size = kVocab;
    SessionOptions options = WithPolicy(policy);
    options.kv_type = kv;
    return Session(Model::Random(config, seed), pool_, options);
  }
};

TEST_F(PromptStateTest, ContinuesBitForBit) {
  for (const char* policy : {"dense", "learned", "h2o:12"}) {
    Restart(std::nullopt, policy);
    const std::vector<TokenId> prompt = Ids(45);
    const GeneratedSequence plain = RunOne(Request(prompt, 15));
    const std::string bytes = Saved(prompt);
    Session other = NewSession(policy);
    const PromptState state = Load(other, bytes);
    EXPECT_EQ(state.ids, prompt);
    GenerateRequest request = Request(prompt, 15);
    request.start = &state;
    const GeneratedSequence again =
        Generate(other, std::span<const GenerateRequest>(&request, 1), {}, &*tokenizer_).sequences[0];
    EXPECT_EQ(again.generated_ids, plain.generated_ids) << policy;
    EXPECT_EQ(again.kept, plain.kept) << policy;
  }
}

TEST_F(PromptStateTest, AContinuationOfAState) {
  const PromptState half = ReadPrompt(*session_, Ids(20));
  const PromptState whole = ReadPrompt(*session_, Ids(30), &half);
  EXPECT_EQ(whole.ids, Ids(30));
  EXPECT_EQ(session_->cache().SeenTokens(half.sequence), 20);
  EXPECT_EQ(session_->cache().SeenTokens(whole.sequence), 30);
  const PromptState same = ReadPrompt(*session_, Ids(20), &half);
  EXPECT_EQ(same.logits, half.logits);
  EXPECT_THROW(ReadPrompt(*session_, Ids(81)), Error);
  EXPECT_EQ(session_->cache().Sequences().size(), 3u);
}

TEST_F(PromptStateTest, OthersAreRefused) {
  const std::string bytes = Saved(Ids(30));
  Session session = NewSession("learned");
  ExpectRefused(session, "", {"ends early"});
  ExpectRefused(session, "GGUF" + bytes, {"dcpstate"});
  ExpectRefused(session, bytes + "x", {"after its end"});
  Session other_model = NewSession("learned", 5);
  ExpectRefused(other_model, bytes, {"fingerprint", "model"});
  Session other_policy = NewSession("window:9");
  ExpectRefused(other_policy, bytes, {"learned", "window:9"});
  Session other_kv = NewSession("learned", 4, KvType::kF16);
  ExpectRefused(other_kv, bytes, {"K or V"});

  const dcp::testing::MergePairs merges = {{"a", "c"}};
  dcp::testing::TemporaryFolder folder;
  folder.Write("vocab.json", dcp::testing::SmallVocabulary(merges, {"<|endoftext|>"}).dump());
  folder.Write("merges.txt", dcp::testing::MergesText(merges));
  const Tokenizer other_tokenizer = Tokenizer::Load(folder.path());
  std::istringstream in(bytes);
  ExpectError(ErrorCode::kInvalidArgument, {"tokenizer", "fingerprint"},
              [&] { LoadPromptState(session, &other_tokenizer, in); });
  std::istringstream without(bytes);
  EXPECT_EQ(LoadPromptState(session, nullptr, without).ids, Ids(30)) << "there is nothing to compare with";
}

TEST_F(PromptStateTest, EveryDamagedByteIsNoticed) {
  const std::string bytes = Saved(Ids(12));
  Session session = NewSession("learned");
  for (size_t at = 0; at < bytes.size(); at += at < 400 ? 1 : 37) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_THROW(Load(session, damaged), Error) << "byte " << at;
    EXPECT_THROW(Load(session, bytes.substr(0, at)), Error) << "cut at " << at;
    ASSERT_TRUE(session.cache().Sequences().empty()) << at;
  }
  EXPECT_EQ(Load(session, bytes).ids, Ids(12));
}

}  // namespace
}  // namespace dcp
