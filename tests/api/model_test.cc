// Promises of model_config.h, model.h and tokenizer.h. Each malformed tensor, field and token has its test in
// tests/unit/io and tests/unit/text.
#include <thread>

#include "tests/api/api_testing.h"

namespace dcp {
namespace {

using api_testing::EmptyDirectory;
using api_testing::ExpectError;
using api_testing::SmallShape;
using api_testing::SourceDir;

const char kConfig[] =
    R"({"model_type": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": 8, "n_positions": 16, "vocab_size": 50)";

TEST(ModelConfigApi, WhatCannotBeAModelIsNamedBehindItsSource) {
  const auto refused = [](void (*change)(ModelConfig&), const std::vector<std::string>& names) {
    ModelConfig config = SmallShape();
    change(config);
    std::vector<std::string> all = names;
    all.push_back("where it is from: ");
    ExpectError(ErrorCode::kInvalidModel, all, [&] { config.Validate("where it is from"); });
    ExpectError(ErrorCode::kInvalidModel, names, [&] { Model::Random(config, 1); });
  };
  refused([](ModelConfig& c) { c.n_layer = 0; }, {"n_layer", "0"});
  refused([](ModelConfig& c) { c.vocab_size = -3; }, {"vocab_size", "-3"});
  refused([](ModelConfig& c) { c.n_embd = 11; }, {"n_embd", "11", "n_head"});
  refused([](ModelConfig& c) { c.eviction_delay = 81; }, {"eviction_delay", "81", "80"});
  refused(
      [](ModelConfig& c) {
        c.n_layer = c.n_positions = c.vocab_size = c.n_embd = c.n_inner = 2'000'000'000;
        c.int_n_embd = 0;
      },
      {"2000000000"});
  EXPECT_NO_THROW(SmallShape().Validate("x"));
}

TEST(ModelConfigApi, FilesThatCannotBeUsedAreNamed) {
  const EmptyDirectory directory;
  const auto load = [&](const std::string& content) {
    return [path = directory.Write("config.json", content)] { LoadModelConfig(path); };
  };
  ExpectError(ErrorCode::kIo, {"none/config.json"}, [] { LoadModelConfig("none/config.json"); });
  ExpectError(ErrorCode::kInvalidModel, {"config.json"}, load("not JSON"));
  const std::string config = kConfig;
  EXPECT_NO_THROW(load(config + "}")());
  ExpectError(ErrorCode::kInvalidModel, {"config.json", "model_type", "llama"}, load(R"({"model_type": "llama"})"));
  ExpectError(ErrorCode::kInvalidModel, {"config.json", "add_cross_attention"},
              load(config + R"(, "add_cross_attention": true})"));
  ExpectError(ErrorCode::kInvalidModel, {"config.json", "activation_function", "sine"},
              load(config + R"(, "activation_function": "sine"})"));
  ExpectError(ErrorCode::kInvalidModel, {"config.json", "dcp", "2", "1"},
              load(config + R"(, "dcp": {"version": 2, "int_n_embd": 4}})"));
  Warnings warnings;
  const auto path = directory.Write("config.json", config + R"(, "eos_token_id": 50})");
  EXPECT_TRUE(LoadModelConfig(path, &warnings).eos_token_ids.empty());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("eos_token_id"), std::string::npos) << warnings[0];
  ExpectError(ErrorCode::kIo, {"none"}, [] { ReadModelConfig("none"); });
  ExpectError(ErrorCode::kIo, {"none"}, [] { ReadModelConfig(SourceDir() / "models/books", "none"); });
}

TEST(ModelApi, WhatIsNotThereIsAnIoError) {
  const EmptyDirectory directory;
  ExpectError(ErrorCode::kIo, {"no/such/model"}, [] { Model::Load("no/such/model"); });
  ExpectError(ErrorCode::kIo, {directory.path().string()}, [&] { Model::Load(directory.path()); });
  directory.Write("config.json", std::string(kConfig) + "}");
  ExpectError(ErrorCode::kIo, {"model.safetensors"}, [&] { Model::Load(directory.path()); });
  ExpectError(ErrorCode::kIo, {"no/such/adapter"},
              [] { Model::Load(SourceDir() / "models/books", {.adapter = "no/such/adapter"}); });
}

TEST(ModelApi, WhatIsMalformedIsAnInvalidModel) {
  const EmptyDirectory directory;
  directory.Write("config.json", std::string(kConfig) + "}");
  directory.Write("model.safetensors", "no tensors");
  ExpectError(ErrorCode::kInvalidModel, {"model.safetensors"}, [&] { Model::Load(directory.path()); });
  const std::string header = "{}";
  directory.Write("model.safetensors", std::string("\2\0\0\0\0\0\0\0", 8) + header);
  ExpectError(ErrorCode::kInvalidModel, {"model.safetensors", "wte.weight"}, [&] { Model::Load(directory.path()); });
}

TEST(ModelApi, MemoryThatTheSystemRefusesIsAnError) {
  ModelConfig config = SmallShape();
  config.n_embd = 1 << 16;
  config.vocab_size = 1 << 30;
  config.n_inner = config.n_embd;
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "sanitizers end the program at such sizes";
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers end the program at such sizes";
#endif
  ExpectError(ErrorCode::kOutOfMemory, {"random model", "memory"}, [&] { Model::Random(config, 1); });
}

TEST(ModelApi, ServesSessionsInSeveralThreads) {
  const auto model = Model::Load(SourceDir() / "models/books");
  std::vector<std::vector<float>> rows(3);
  std::vector<std::thread> threads;
  for (std::vector<float>& row : rows) {
    threads.emplace_back([&] {
      ThreadPool pool(1);
      Session session(model, pool);
      const SequenceId sequence = session.Add();
      const std::vector<TokenId> ids = {5, 6, 7};
      const FeedItem item{sequence, ids};
      const Logits logits = session.Prefill({&item, 1});
      row.assign(logits.row(0).begin(), logits.row(0).end());
      EXPECT_EQ(model->fingerprint(), session.model().fingerprint());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(rows[0], rows[1]);
  EXPECT_EQ(rows[0], rows[2]);
  EXPECT_EQ(model->has_interaction(), model->config().int_n_embd > 0);
}

class TokenizerApi : public testing::Test {
 protected:
  const Tokenizer tokenizer_ = Tokenizer::Load(SourceDir() / "models/books");
};

TEST_F(TokenizerApi, LoadNamesTheFile) {
  const EmptyDirectory directory;
  EXPECT_FALSE(Tokenizer::Present(directory.path()));
  ExpectError(ErrorCode::kIo, {"vocab.json"}, [&] { Tokenizer::Load(directory.path()); });
  directory.Write("vocab.json", "[]");
  directory.Write("merges.txt", "");
  EXPECT_TRUE(Tokenizer::Present(directory.path()));
  ExpectError(ErrorCode::kInvalidModel, {"vocab.json"}, [&] { Tokenizer::Load(directory.path()); });
  directory.Write("vocab.json", R"({"a": 0, "b": 0})");
  ExpectError(ErrorCode::kInvalidModel, {"vocab.json", "0"}, [&] { Tokenizer::Load(directory.path()); });
  directory.Write("vocab.json", R"({"a": 0, "b": 1})");
  directory.Write("merges.txt", "a c\n");
  ExpectError(ErrorCode::kInvalidModel, {"merges.txt", "c"}, [&] { Tokenizer::Load(directory.path()); });
  directory.Write("merges.txt", "");
  Warnings warnings;
  EXPECT_EQ(Tokenizer::Load(directory.path(), &warnings).vocab_size(), 2);
  EXPECT_FALSE(warnings.empty());  // bytes without a token
  EXPECT_TRUE(std::ranges::any_of(Tokenizer::FileNames(), [](std::string name) { return name == "vocab.json"; }));
}

TEST_F(TokenizerApi, IdsOutsideTheVocabularyAreRefused) {
  const std::string size = std::to_string(tokenizer_.vocab_size());
  for (const TokenId id : {-1, tokenizer_.vocab_size()}) {
    const std::vector<std::string> names = {std::to_string(id), size};
    ExpectError(ErrorCode::kInvalidArgument, names, [&] { tokenizer_.TokenBytes(id); });
    ExpectError(ErrorCode::kInvalidArgument, names, [&] { tokenizer_.Decode({{0, id}}); });
    EXPECT_FALSE(tokenizer_.IsSpecial(id));
  }
}

TEST_F(TokenizerApi, LosesNoByte) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  EXPECT_EQ(tokenizer_.Decode(tokenizer_.Encode(bytes)), bytes);
}

TEST_F(TokenizerApi, ADecoderIsUnchangedByAnIdThatItRefuses) {
  const std::vector<TokenId> euro = tokenizer_.Encode("\xe2\x82");  // two of three bytes
  StreamDecoder decoder(tokenizer_);
  for (const TokenId id : euro) EXPECT_EQ(decoder.Push(id), "");
  ExpectError(ErrorCode::kInvalidArgument, {"-1"}, [&] { decoder.Push(-1); });
  EXPECT_EQ(decoder.Flush(), "\xe2\x82");
  EXPECT_EQ(decoder.Flush(), "");
}

}  // namespace
}  // namespace dcp
