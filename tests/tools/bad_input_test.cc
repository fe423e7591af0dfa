// Bad input and bad usage: exit status 2 and one line that names the thing.
#include <gtest/gtest.h>

#include "dcp-eval/eval_tool.h"
#include "dcp-generate/generate_tool.h"
#include "dcp-inspect/inspect_tool.h"
#include "dcp/simd.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

class BadInput : public testing::Test {
 protected:
  void Generate(const Args& more, const std::vector<std::string>& words, const World& world = {}) {
    Args args = {"--model", model_};
    args.insert(args.end(), more.begin(), more.end());
    SCOPED_TRACE(testing::PrintToString(args));
    ExpectRefused(RunTool(GenerateMain, args, world), "dcp-generate", words);
  }

  void Eval(const Args& more, const std::vector<std::string>& words, const World& world = {}) {
    Args args = {"perplexity", "--model", model_};
    args.insert(args.end(), more.begin(), more.end());
    SCOPED_TRACE(testing::PrintToString(args));
    ExpectRefused(RunTool(EvalMain, args, world), "dcp-eval", words);
  }

  std::string File(const std::string& name, const std::string& content) {
    reference::WriteText(dir_ / name, content);
    return dir_ / name;
  }

  TempDir dir_;
  std::string model_ = MakeByteModel(dir_);
};

TEST_F(BadInput, Usage) {
  Generate({}, {"no prompt", "--prompt"});
  Generate({"--prompt", "a", "--prompt-ids", "1"}, {"more than one kind of prompt"});
  Generate({"--prompt-file", "x", "-"}, {"--prompt-file", "-"});
  Generate({"hello"}, {"hello", "--prompt"});
  Generate({"--prompt", "a", "--nonsense"}, {"--nonsense"});
  Generate({"--prompt", "a", "--max-new-tokens", "many"}, {"--max-new-tokens", "many"});
  Generate({"--prompt", "a", "--max-new-tokens", "0"}, {"--max-new-tokens", "0", "1"});
  Generate({"--prompt", "a", "--max-batch", "-1"}, {"--max-batch", "-1"});
  Generate({"--prompt", "a", "--threads", "-1"}, {"threads", "-1"});
  Generate({"--prompt", "a", "--prefill-chunk", "0"}, {"prefill_chunk", "0"});
  Generate({"--prompt", "a", "--temperature", "-1"}, {"temperature", "-1"});
  Generate({"--prompt", "a", "--temperature", "nan"}, {"temperature", "nan"});
  Generate({"--prompt", "a", "--top-k", "-2"}, {"top_k", "-2"});
  Generate({"--prompt", "a", "--top-p", "1.5"}, {"top_p", "1.5"});
  Generate({"--prompt", "a", "--seed", "-1"}, {"--seed", "-1"});
  Generate({"--prompt", "a", "--stop", ""}, {"--stop"});
  Generate({"--prompt", "a", "--weights", "f8"}, {"--weights: type \"f8\" is not one of f32, bf16, f16, i8, i4"});
  Generate({"--prompt", "a", "--simd", "mmx"}, {"--simd: \"mmx\" is not", "this processor", SimdTargets().back()});
  Generate({"--prompt", "a", "--kv", "i4"}, {"--kv: type \"i4\" is not one of f32, f16, i8"});
  Generate({"--prompt"}, {"--prompt"});
  ExpectRefused(RunTool(GenerateMain, {"--prompt", "a"}), "dcp-generate", {"--model"});
  ExpectRefused(RunTool(EvalMain, {}), "dcp-eval", {"subcommand"});
  ExpectRefused(RunTool(EvalMain, {"guess"}), "dcp-eval", {"guess"});
}

TEST_F(BadInput, Policies) {
  Generate({"--prompt", "a", "--policy", "lru"}, {"lru", "window:N"});
  Generate({"--prompt", "a", "--policy", "window:0"}, {"window", "0"});
  Generate({"--prompt", "a", "--policy", "sinks:4"}, {"sinks:4"});
  Generate({"--prompt", "a", "--policy", "dense", "--threshold", "1"}, {"--threshold", "dense"});
  Generate({"--prompt", "a", "--threshold", "nan"}, {"threshold"});
  Generate({"--prompt", "a", "--max-kept", "-3"}, {"-3"});
  const std::string plain = MakeByteModel(dir_, "plain", ByteModelConfig(96, 0));
  ExpectRefused(RunTool(GenerateMain, {"--model", plain, "--prompt", "a", "--policy", "learned"}), "dcp-generate",
                {"learned", "interaction"});
  ExpectRefused(RunTool(GenerateMain, {"--model", plain, "--prompt", "a", "--threshold", "1"}), "dcp-generate",
                {"--threshold", "dense"});
}

TEST_F(BadInput, Prompts) {
  ModelConfig endless = ByteModelConfig();
  endless.bos_token_id.reset();
  endless.eos_token_ids.clear();
  ExpectRefused(RunTool(GenerateMain, {"--model", MakeByteModel(dir_, "endless", endless), "--prompt", ""}),
                "dcp-generate", {"prompt 0", "empty", "bos", "eos"});
  Generate({"--prompt-file", dir_ / "none"}, {dir_ / "none", "No such file"});
  Generate({"--prompt-file", dir_.path().string()}, {dir_.path().string(), "directory"});
  Generate({"--prompt-ids", "1,two,3"}, {"two"});
  Generate({"--prompt-ids", "1,,3"}, {"prompt 0", "\"\""});
  Generate({"--prompt-ids", "1,2,"}, {"prompt 0", "\"\""});
  Generate({"--prompt-ids", "1.5"}, {"1.5"});
  Generate({"--prompt-ids", "99999999999"}, {"99999999999"});
  Generate({"--prompt-ids", "1,257"}, {"prompt 0", "257", "index 1", "0..256"});
  Generate({"--prompt-ids", "-1"}, {"prompt 0", "-1", "0..256"});
  Generate({"--prompt", std::string(97, 'x')}, {"prompt 0", "97", "96"});
  Generate({"--prompt-ids", "300", "--prompt-ids", "400"}, {"all 2 prompts failed", "prompt 0", "300"});
}

TEST_F(BadInput, GenerationSettings) {
  const auto refuse = [&](Args more, const std::vector<std::string>& words) {
    more.insert(more.begin(), {"--prompt", "a"});
    Generate(more, words);
  };
  refuse({"--min-p", "1.5"}, {"min_p", "1.5"});
  refuse({"--typical-p", "0"}, {"typical_p", "0"});
  refuse({"--repetition-penalty", "0"}, {"repetition_penalty", "0"});
  refuse({"--repetition-penalty", "much"}, {"--repetition-penalty", "much"});
  refuse({"--presence-penalty", "inf"}, {"presence_penalty", "inf"});
  refuse({"--frequency-penalty", "nan"}, {"frequency_penalty", "nan"});
  refuse({"--no-repeat-ngram-size", "-2"}, {"no_repeat_ngram_size", "-2"});
  refuse({"--logit-bias", "5"}, {"--logit-bias", "\"5\"", "ID:X"});
  refuse({"--logit-bias", "x:1"}, {"--logit-bias", "\"x\""});
  refuse({"--logit-bias", "5:big"}, {"--logit-bias", "big"});
  refuse({"--logit-bias", "999:1"}, {"logit_bias", "999", "0..256"});
  refuse({"--bad-words-ids", ""}, {"bad_words_ids", "empty"});
  refuse({"--bad-words-ids", "1,x"}, {"--bad-words-ids", "\"x\""});
  refuse({"--forced-ids", "257"}, {"forced_ids", "257"});
  refuse({"--stop-ids", "257"}, {"stop_ids", "257"});
  refuse({"--samples", "0"}, {"--samples", "0"});
  refuse({"--num-beams", "0"}, {"--num-beams", "0"});
  refuse({"--num-beams", "3", "--temperature", "0.5"}, {"num_beams", "3", "temperature", "0.5"});
  refuse({"--num-beams", "3", "--samples", "4"}, {"num_beams", "3", "samples", "4"});
  refuse({"--length-penalty", "inf"}, {"length_penalty", "inf"});
  refuse({"--early-stopping", "soon"}, {"--early-stopping", "soon", "never"});
  refuse({"--logprobs", "-1"}, {"--logprobs", "-1"});
  refuse({"--logprobs", "258"}, {"logprobs", "258", "0..257"});
  refuse({"--truncate", "right"}, {"--truncate", "right", "left"});
  refuse({"--overflow", "wrap"}, {"--overflow", "wrap", "slide"});
  refuse({"--overflow", "slide", "--trace", dir_ / "t"}, {"--trace", "slide"});
  refuse({"--score", ""}, {"--score", "empty"});
  refuse({"--score-ids", "5", "--samples", "2"}, {"samples", "2"});
}

TEST_F(BadInput, SavedPrompts) {
  Generate({"--prompt", "a", "--prompt", "b", "--save-state", dir_ / "s"}, {"--save-state", "2"});
  Generate({"--prompt", std::string(97, 'x'), "--save-state", dir_ / "s"}, {"prompt 0", "97", "96"});
  Generate({"--prompt", "a", "--save-state", dir_ / "no/such"}, {dir_ / "no/such"});
  EXPECT_FALSE(std::filesystem::exists(dir_ / "s"));
  Generate({"--load-state", dir_ / "none"}, {dir_ / "none", "No such file"});
  Generate({"--load-state", File("text", "hello")}, {dir_ / "text", "ends early"});
  Generate({"--load-state", model_ + "/model.safetensors"}, {"model.safetensors", "dcpstate"});
  ASSERT_EQ(RunTool(GenerateMain,
                    {"--model", model_, "--prompt", "abcd", "--max-new-tokens", "1", "--save-state", dir_ / "s"})
                .status,
            0);
  Generate({"--load-state", dir_ / "s", "--prompt", "abxd"}, {"prompt 0", "index 2", "120", "99"});
  Generate({"--load-state", dir_ / "s", "--policy", "window:8"}, {dir_ / "s", "learned", "window:8"});
  Generate({"--load-state", dir_ / "s", "--kv", "f16"}, {dir_ / "s", "K or V"});
  Generate({"--load-state", dir_ / "s", "--trace", dir_ / "t"}, {"--trace", "--load-state"});
  std::filesystem::resize_file(dir_ / "s", std::filesystem::file_size(dir_ / "s") - 1);
  Generate({"--load-state", dir_ / "s"}, {dir_ / "s", "ends early"});
}

TEST_F(BadInput, JsonLines) {
  const std::string file = dir_ / "in.jsonl";
  const auto refuse = [&](const std::string& content, std::vector<std::string> words) {
    File("in.jsonl", content);
    words.push_back(file);
    Generate({"--input", file}, words);
  };
  refuse("", {"no prompt"});
  refuse("\n \n", {"no prompt"});
  refuse("{\"prompt\": \"a\"}\n{\"prompt\": \n", {":2", "not valid JSON"});
  refuse("\n[1,2]\n", {":2", "object"});
  refuse("{\"text\": \"a\"}", {":1", "found neither"});
  refuse("{\"prompt\": \"a\", \"prompt_ids\": [1]}", {":1", "found both"});
  refuse("{\"prompt\": 3}", {":1", "string"});
  refuse("{\"prompt_ids\": 3}", {":1", "array"});
  refuse("{\"prompt_ids\": [1, 2.5]}", {":1", "prompt_ids[1]", "integer"});
  refuse("{\"prompt_ids\": [1, \"2\"]}", {":1", "prompt_ids[1]", "integer"});
  refuse("{\"prompt_ids\": [1, 70000]}", {":1", "70000", "0..256"});
  refuse("{\"prompt_ids\": [18446744073709551615]}", {":1", "18446744073709551615"});
  refuse("{\"prompt\": \"\xff\"}", {":1", "not valid JSON"});
}

TEST_F(BadInput, Models) {
  const auto refuse = [&](const std::string& model, const std::vector<std::string>& words) {
    SCOPED_TRACE(model);
    ExpectRefused(RunTool(GenerateMain, {"--model", model, "--prompt", "a"}), "dcp-generate", words);
    ExpectRefused(RunTool(EvalMain, {"perplexity", "--model", model, "--text", dir_ / "model/config.json"}), "dcp-eval",
                  words);
  };
  refuse(dir_ / "none", {dir_ / "none"});

  const std::string truncated = MakeByteModel(dir_, "truncated");
  std::filesystem::resize_file(truncated + "/model.safetensors", 1000);
  refuse(truncated, {"model.safetensors"});

  reference::MakeCheckpoint(dir_ / "bare", ByteModelConfig());
  refuse(dir_ / "bare", {dir_ / "bare", "no tokenizer"});

  const std::string half = MakeByteModel(dir_, "half");
  std::filesystem::remove(half + "/merges.txt");
  refuse(half, {"merges.txt"});

  Generate({"--prompt", "a", "--adapter", dir_ / "no-adapter"}, {dir_ / "no-adapter"});
  ExpectRefused(RunTool(GenerateMain, {"--model", dir_ / "bare", "--prompt-ids", "1", "--stop", "x"}), "dcp-generate",
                {"--stop", "tokenizer"});
}

// Ids need no tokenizer: one that cannot be read is worth a warning, and an error where a text is to be read or found.
TEST_F(BadInput, TokenizersThatIdsDoWithout) {
  const std::string damaged = MakeByteModel(dir_, "damaged");
  reference::WriteText(damaged + "/vocab.json", "{\"a\": ");
  const ToolRun generated =
      RunTool(GenerateMain, {"--model", damaged, "--prompt-ids", "1,2", "--max-new-tokens", "2", "--ignore-eos"});
  EXPECT_EQ(generated.status, 0) << generated.err;
  EXPECT_TRUE(generated.out.find_first_not_of("0123456789,\n") == std::string::npos) << generated.out;
  EXPECT_NE(generated.err.find("dcp-generate: warning: " + damaged + "/vocab.json: "), std::string::npos)
      << generated.err;
  const ToolRun inspected = RunTool(InspectMain, {"--model", damaged, "--prompt-ids", "1,2"});
  EXPECT_EQ(inspected.status, 0) << inspected.err;
  EXPECT_NE(inspected.err.find("dcp-inspect: warning: "), std::string::npos) << inspected.err;
  ExpectRefused(RunTool(GenerateMain, {"--model", damaged, "--prompt-ids", "1", "--stop", "x"}), "dcp-generate",
                {damaged + "/vocab.json"});
  ExpectRefused(RunTool(InspectMain, {"--model", damaged, "--prompt", "a"}), "dcp-inspect", {damaged + "/vocab.json"});
}

TEST_F(BadInput, OutputsThatCannotBeWritten) {
  for (const char* option : {"--trace", "--logits"}) {
    Generate({"--prompt", "a", option, dir_ / "no/such/file"}, {dir_ / "no/such/file", "No such file or directory"});
    Generate({"--prompt", "a", option, dir_.path().string()}, {dir_.path().string(), "Is a directory"});
    Generate({"--prompt", "a", "--max-new-tokens", "1", "--json", option, "/dev/full"},
             {"/dev/full", "No space left on device"});
    Generate({"--prompt", "a", option, ""}, {"output file"});
  }
  const std::string text = File("text.txt", "some text");
  Eval({"--text", text, "--per-token", dir_ / "no/such/file"}, {dir_ / "no/such/file"});
  Eval({"--text", text, "--per-token", "/dev/full"}, {"/dev/full", "No space left on device"});
}

TEST_F(BadInput, NothingIsLeftBehindByAFailedRun) {
  const auto before = dir_.Files();
  Generate({"--prompt-ids", "300", "--trace", dir_ / "trace", "--logits", dir_ / "logits"}, {"300"});
  Eval({"--text", dir_ / "none", "--per-token", dir_ / "nll"}, {dir_ / "none"});
  EXPECT_EQ(dir_.Files(), before);
}

TEST_F(BadInput, EvalTexts) {
  const std::string text = File("text.txt", "some text");
  Eval({}, {"--text", "--ids"});
  Eval({"--text", text, "--ids", text}, {"--text", "--ids"});
  Eval({"--text", dir_ / "none"}, {dir_ / "none", "No such file"});
  std::filesystem::create_directory(dir_ / "folder");
  Eval({"--text", dir_ / "folder"}, {dir_ / "folder", "no .txt file"});
  Eval({"--text", File("empty", "")}, {dir_ / "empty", "nothing to score"});
  Eval({"--ids", File("ids", "{}")}, {dir_ / "ids", "expected an array"});
  Eval({"--ids", File("ids", "[1, 2")}, {dir_ / "ids", "not valid JSON"});
  Eval({"--ids", File("ids", "[]")}, {dir_ / "ids", "nothing to score"});
  Eval({"--ids", File("ids", "[1, -2]")}, {dir_ / "ids", "[1]", "-2"});
  Eval({"--ids", File("ids", "[1, 2.5]")}, {dir_ / "ids", "[1]", "2.5"});
  Eval({"--ids", File("ids", "[1, 257]")}, {dir_ / "ids", "index 1", "257", "0..256"});
  Eval({"--ids", File("ids", "[[1, 2], 3]")}, {dir_ / "ids", "[1]"});
  Eval({"--ids", File("ids", "[1, [2]]")}, {dir_ / "ids", "[1]"});
}

TEST_F(BadInput, EvalWindows) {
  const std::string text = File("text.txt", "some text");
  Eval({"--text", text, "--context", "97"}, {"--context", "97", "96"});
  Eval({"--text", text, "--context", "1"}, {"--context", "1"});
  Eval({"--text", text, "--stride", "-1"}, {"--stride", "-1"});
  Eval({"--text", text, "--context", "8", "--stride", "9"}, {"--stride", "9", "8"});
  Eval({"--text", text, "--batch", "0"}, {"--batch", "0"});
  Eval({"--text", text, "--max-tokens", "-1"}, {"--max-tokens", "-1"});
}

}  // namespace
}  // namespace dcp::tools
