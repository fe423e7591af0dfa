// Tokenizers as people have them, run by the tools: what is odd is told in a line on stderr, and what can be done is
// done.
#include <gtest/gtest.h>

#include <sstream>

#include "dcp-eval/eval_tool.h"
#include "dcp-generate/generate_tool.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

class TokenizerKinds : public testing::Test {
 protected:
  // The lines of stderr that begin with "dcp-...: warning: ", without that.
  static std::vector<std::string> WarningsOf(const ToolRun& run) {
    std::vector<std::string> warnings;
    std::istringstream lines(run.err);
    for (std::string line; std::getline(lines, line);) {
      if (const size_t at = line.find(": warning: "); at != std::string::npos) warnings.push_back(line.substr(at + 11));
    }
    return warnings;
  }

  // Exit status 2, a warning, and a line that holds every one of `words`.
  static void ExpectRefusedAfterAWarning(const ToolRun& run, const std::vector<std::string>& words) {
    EXPECT_EQ(run.status, kExitUsage);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(run.err_lines(), 2u) << run.err;
    const std::string last = run.err.substr(run.err.find('\n') + 1);
    for (const std::string& word : words) EXPECT_NE(last.find(word), std::string::npos) << last << "lacks " << word;
  }

  using Ids = std::vector<TokenId>;

  // The ids of a prompt.
  Ids PromptIds(const std::string& prompt, const Args& more = {}) const {
    Args args = {"--model", model_, "--prompt", prompt, "--max-new-tokens", "1", "--json"};
    args.insert(args.end(), more.begin(), more.end());
    return Generate(args).json()["sequences"][0]["prompt_ids"].get<Ids>();
  }

  void Write(const std::string& name, const Json& content) const {
    reference::WriteText(model_ + "/" + name, content.dump());
  }

  TempDir dir_;
  std::string model_ = MakeByteModel(dir_);
};

TEST_F(TokenizerKinds, EndOfTextInAPromptIsOneId) {
  EXPECT_EQ(PromptIds("a<|endoftext|>b"), (Ids{'a', 256, 'b'}));
  EXPECT_EQ(PromptIds("<|endoftext|>"), Ids{256});
}

TEST_F(TokenizerKinds, TokenizerJsonAlone) {
  Json vocabulary = Json::parse(reference::ReadText(model_ + "/vocab.json"));
  vocabulary.erase("<|endoftext|>");
  Write("tokenizer.json", {{"added_tokens", {{{"id", 256}, {"content", "</s>"}, {"special", true}}}},
                           {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", true}}},
                           {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", Json::array()}}}});
  std::filesystem::remove(model_ + "/vocab.json");
  std::filesystem::remove(model_ + "/merges.txt");
  EXPECT_EQ(PromptIds("a</s>b"), (Ids{' ', 'a', 256, ' ', 'b'}));
  Write("tokenizer.json", {{"model", {{"type", "Unigram"}}}});
  const ToolRun run = RunTool(GenerateMain, {"--model", model_, "--prompt", "a"});
  ExpectRefused(run, "dcp-generate", {"tokenizer.json", "model.type", "Unigram", "BPE"});
}

TEST_F(TokenizerKinds, AnIdThatTheModelLacks) {
  Write("added_tokens.json", {{"<pad>", 257}});
  EXPECT_EQ(PromptIds("abc"), (Ids{'a', 'b', 'c'}));
  ExpectRefusedAfterAWarning(RunTool(GenerateMain, {"--model", model_, "--prompt", "a<pad>"}),
                             {"prompt 0", "257", "0..256"});
  const std::string text = dir_ / "text.txt";
  reference::WriteText(text, "some <pad> text");
  ExpectRefusedAfterAWarning(RunTool(EvalMain, {"perplexity", "--model", model_, "--text", text}),
                             {text, "257", "0..256"});
}

TEST_F(TokenizerKinds, EvalReadsEndOfTextAsOneId) {
  const std::string text = dir_ / "text.txt";
  reference::WriteText(text, "some text<|endoftext|>more");
  reference::WriteText(dir_ / "ids", "[115,111,109,101,32,116,101,120,116,256,109,111,114,101]");
  const Json by_text = Eval({"perplexity", "--model", model_, "--text", text, "--json"}).json();
  const Json by_ids = Eval({"perplexity", "--model", model_, "--ids", dir_ / "ids", "--json"}).json();
  EXPECT_EQ(by_text["tokens"], 13);
  EXPECT_EQ(by_text["nll"], by_ids["nll"]);
}

TEST_F(TokenizerKinds, OptionsOfTextPrompts) {
  EXPECT_EQ(PromptIds("<|endoftext|>", {"--no-special"}).size(), 13u);
  EXPECT_EQ(PromptIds("a", {"--bos"}), (Ids{256, 'a'})) << "the token that ends a text begins one";
  EXPECT_EQ(PromptIds("<|endoftext|>a", {"--bos"}), (Ids{256, 'a'})) << "it is there";
  Write("tokenizer_config.json", {{"add_bos_token", true}, {"bos_token", "<|endoftext|>"}, {"add_prefix_space", true}});
  EXPECT_EQ(PromptIds("a"), (Ids{256, ' ', 'a'}));
  EXPECT_EQ(PromptIds("a", {"--bos"}), (Ids{256, ' ', 'a'}));
  const Args by_ids = {"--model", model_, "--prompt-ids", "5", "--bos", "--max-new-tokens", "1", "--json"};
  EXPECT_EQ(Generate(by_ids).json()["sequences"][0]["prompt_ids"], (Ids{256, 5}));
}

TEST_F(TokenizerKinds, InspectReadsAndShowsSpecialTokens) {
  const auto tokens = [&](const Args& more) {
    Args args = {"--model", model_, "--prompt", "a<|endoftext|>", "--json", "-"};
    args.insert(args.end(), more.begin(), more.end());
    return Inspect(args).json()["tokens"].size();
  };
  EXPECT_EQ(tokens({}), 2u);
  EXPECT_EQ(tokens({"--no-special"}), 14u);
  EXPECT_EQ(tokens({"--bos"}), 3u);
}

TEST_F(TokenizerKinds, EndOfTextOutsideTheVocabulary) {
  reference::WriteText(model_ + "/generation_config.json", R"({"eos_token_id": [97, 50256]})");
  const ToolRun run = Generate({"--model", model_, "--prompt", "a", "--max-new-tokens", "2"});
  EXPECT_EQ(WarningsOf(run), std::vector<std::string>{
                                 model_ + "/generation_config.json: eos_token_id[1] is 50256, expected 0 to 256, the "
                                          "model's vocabulary: is left out"});
  EXPECT_EQ(run.err.substr(0, 23), "dcp-generate: warning: ");
}

TEST_F(TokenizerKinds, AnyOfTheEndsOfTextEnds) {
  const Args args = {"--model", model_, "--prompt", "a", "--max-new-tokens", "9", "--json", "--temperature", "1.5"};
  const Json free = Generate(args).json()["sequences"][0];
  ASSERT_EQ(free["finish_reason"], "length");
  const Json third = free["generated_ids"][2];
  reference::WriteText(model_ + "/generation_config.json", Json{{"eos_token_id", {256, third}}}.dump());
  const Json stopped = Generate(args).json()["sequences"][0];
  EXPECT_EQ(stopped["finish_reason"], "eos");
  EXPECT_LE(stopped["generated_ids"].size(), 3u);
  EXPECT_EQ(stopped["generated_ids"].back(), third);
}

TEST_F(TokenizerKinds, MoreTokensThanTheModelHas) {
  WriteByteTokenizer(model_, 300);
  const ToolRun run = Generate({"--model", model_, "--prompt", "abc", "--max-new-tokens", "2"});
  EXPECT_EQ(
      WarningsOf(run),
      std::vector<std::string>{
          model_ +
          ": the tokenizer has 300 tokens, config.json says vocab_size 257: text with the others cannot be read"});
}

}  // namespace
}  // namespace dcp::tools
