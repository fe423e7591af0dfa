// A random model whose vocabulary is the 256 bytes, one merge and an end of text, with its tokenizer.
#ifndef DCP_TESTS_UNIT_RUNTIME_GENERATE_TESTING_H_
#define DCP_TESTS_UNIT_RUNTIME_GENERATE_TESTING_H_

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/unit/runtime/session_testing.h"
#include "tests/unit/text/small_vocabulary.h"

namespace dcp::session_testing {

using Prompts = std::vector<std::vector<TokenId>>;

class GenerateFixture : public ::testing::Test {
 protected:
  static constexpr int kVocab = 258;

  GenerateFixture() {
    const dcp::testing::MergePairs merges = {{"a", "b"}};
    folder_.Write("vocab.json", dcp::testing::SmallVocabulary(merges, {"<|endoftext|>"}).dump());
    folder_.Write("merges.txt", dcp::testing::MergesText(merges));
    tokenizer_.emplace(Tokenizer::Load(folder_.path()));
    Restart();
  }

  // A new session, over a model with this end of text.
  void Restart(std::optional<TokenId> eos = std::nullopt, const std::string& policy = "learned") {
    ModelConfig config = SmallShape();
    config.vocab_size = kVocab;
    config.eos_token_ids.clear();
    if (eos) config.eos_token_ids = {*eos};
    session_.emplace(Model::Random(config, 4), pool_, WithPolicy(policy));
  }

  GenerateResult Run(const Prompts& prompts, const GenerateOptions& options, bool text = true,
                     const TokenCallback& on_token = {}, const BatchOptions& batch = {}) {
    return Generate(*session_, prompts, options, text ? &*tokenizer_ : nullptr, on_token, batch);
  }
  GenerateResult Run(const std::vector<GenerateRequest>& requests, const BatchOptions& options = {},
                     const TokenCallback& on_token = {}) {
    return Generate(*session_, requests, options, &*tokenizer_, on_token);
  }
  GeneratedSequence RunOne(const GenerateRequest& request) { return Run({request}).sequences.at(0); }

  static GenerateOptions Sampled(int max_new_tokens) {
    GenerateOptions options;
    options.max_new_tokens = max_new_tokens;
    options.sampling.temperature = 1.0f;
    options.sampling.seed = 9;
    return options;
  }
  static GenerateRequest Request(std::vector<TokenId> prompt, int max_new_tokens) {
    GenerateRequest request;
    request.prompt = std::move(prompt);
    request.options = Sampled(max_new_tokens);
    return request;
  }

  void ExpectNothingLeft() const {
    EXPECT_TRUE(session_->cache().Sequences().empty());
    EXPECT_EQ(session_->cache().Stats().pages_in_use, 0u);
  }

  dcp::testing::TemporaryFolder folder_;
  std::optional<Tokenizer> tokenizer_;
  ThreadPool pool_{2};
  std::optional<Session> session_;
};

}  // namespace dcp::session_testing

#endif  // DCP_TESTS_UNIT_RUNTIME_GENERATE_TESTING_H_
