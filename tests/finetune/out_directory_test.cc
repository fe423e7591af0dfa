// What a run finds, holds out, leaves behind and leaves alone.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "common/json.h"
#include "dcp-finetune/corpus.h"
#include "dcp/model_config.h"
#include "dcp/tokenizer.h"
#include "tests/finetune/run_tool.h"
#include "tests/reference/checkpoint_maker.h"

namespace dcp::finetune {
namespace {

namespace fs = std::filesystem;

using reference::ReadText;
using reference::WriteText;

// A base of random weights with a tokenizer of bytes.
class OutDirectory : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
    root_ = fs::path(testing::TempDir()) / (std::string(test->name()) + "_" + std::to_string(getpid()));
    fs::remove_all(root_);
    reference::MakeCheckpoint(root_ / "base", reference::SmallConfig(1, 2, 4, 0, 258, 32));
    WriteText(root_ / "first.txt", MakeText(20, 1));
    WriteText(root_ / "second.txt", MakeText(20, 2));
    const Outcome made = RunTool({"--train-tokenizer", "258", "--data", Path("first.txt"), "--out", Path("base")});
    ASSERT_EQ(made.status, 0) << made.err;
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string Path(const std::string& name) const { return (root_ / name).string(); }

  Outcome Train(const std::vector<std::string>& data, const std::vector<std::string>& more = {}, int steps = 2) const {
    std::vector<std::string> args = {"--base", Path("base"), "--dense", "--out", Path("out")};
    args.insert(args.end(), {"--steps", std::to_string(steps), "--batch", "2", "--threads", "1", "--json", "--data"});
    for (const std::string& name : data) args.push_back(Path(name));
    args.insert(args.end(), more.begin(), more.end());
    return RunTool(args);
  }

  // One line, exit status 2.
  static void ExpectRefusal(const Outcome& outcome, const std::vector<std::string>& words) {
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    for (const std::string& word : words) EXPECT_NE(outcome.err.find(word), std::string::npos) << outcome.err;
  }

  fs::path root_;
};

TEST_F(OutDirectory, TheEndOfAnOnlyDocumentIsHeldOut) {
  const Outcome outcome = Train({"first.txt"}, {"--held-out", "0.2"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const auto scored = tools::Json::parse(outcome.out)["dense"]["tokens"].get<size_t>();
  const size_t tokens = Tokenizer::Load(root_ / "base").Encode(MakeText(20, 1)).size();
  EXPECT_EQ(scored, tokens / 5 - 1);  // the first has nothing to go by
}

// What is learned from does not reach into what is held out: another end gives the same training.
TEST_F(OutDirectory, TheEndThatIsHeldOutIsNotLearned) {
  const std::string text = MakeText(20, 1);
  WriteText(root_ / "changed.txt", text.substr(0, text.size() - 20) + std::string(20, 'x'));
  const auto loss = [&](const std::string& name) {
    const Outcome outcome = Train({name}, {"--overwrite", "--held-out", "0.03"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    const std::string log = ReadText(root_ / "out/train.jsonl");
    return tools::Json::parse(log.substr(0, log.find('\n')))["loss"].get<double>();
  };
  EXPECT_EQ(loss("changed.txt"), loss("first.txt"));
}

TEST_F(OutDirectory, TooLittleTextSaysWhatToDo) {
  WriteText(root_ / "short.txt", "Too short.");
  ExpectRefusal(Train({"short.txt"}), {"11 tokens", "33", "--held-out 0", "--valid"});
  const Outcome all = Train({"short.txt"}, {"--held-out", "0"});
  ExpectRefusal(all, {"11 tokens", "33", "--context"});
  EXPECT_EQ(all.err.find("--held-out"), std::string::npos) << all.err;
  WriteText(root_ / "letter.txt", "x");
  ExpectRefusal(Train({"first.txt"}, {"--valid", Path("letter.txt")}), {"1 tokens", "--valid"});
}

TEST_F(OutDirectory, AModelThatIsThereIsLeftAlone) {
  ASSERT_EQ(Train({"first.txt", "second.txt"}).status, 0);
  const std::string model = ReadText(root_ / "out/model.safetensors"), log = ReadText(root_ / "out/train.jsonl");
  const std::vector<std::string> other = {"--seed", "9", "--lr", "1e-2"};
  ExpectRefusal(Train({"first.txt", "second.txt"}, other), {"model.safetensors", "--resume", "--overwrite"});
  EXPECT_TRUE(ReadText(root_ / "out/model.safetensors") == model);
  EXPECT_EQ(ReadText(root_ / "out/train.jsonl"), log);

  EXPECT_EQ(Train({"first.txt", "second.txt"}, {"--resume"}, 3).status, 0);
  EXPECT_FALSE(ReadText(root_ / "out/model.safetensors") == model);
  EXPECT_EQ(Train({"first.txt", "second.txt"}, {"--overwrite"}).status, 0);
  EXPECT_TRUE(ReadText(root_ / "out/model.safetensors") == model);  // from the start again
}

TEST_F(OutDirectory, ResumingAModelWithoutItsStateWouldOverwriteIt) {
  ASSERT_EQ(Train({"first.txt", "second.txt"}).status, 0);
  fs::remove(root_ / "out/train_state.safetensors");
  ExpectRefusal(Train({"first.txt", "second.txt"}, {"--resume"}), {"model.safetensors", "--overwrite", "no state"});
  ExpectRefusal(Train({"first.txt"}, {"--resume", "--overwrite"}), {"--resume", "--overwrite"});
}

TEST_F(OutDirectory, ATokenizerThatIsThereIsLeftAlone) {
  const std::string vocabulary = ReadText(root_ / "base/vocab.json");
  std::vector<std::string> args = {"--train-tokenizer", "300", "--data", Path("first.txt"), "--out", Path("base")};
  ExpectRefusal(RunTool(args), {"vocab.json", "--overwrite"});
  EXPECT_TRUE(ReadText(root_ / "base/vocab.json") == vocabulary);
  args.push_back("--overwrite");
  EXPECT_EQ(RunTool(args).status, 0);
  EXPECT_FALSE(ReadText(root_ / "base/vocab.json") == vocabulary);
}

TEST_F(OutDirectory, TokenizerAndGenerationFilesTravelWithTheModel) {
  const std::vector<std::string> names = {"tokenizer_config.json", "special_tokens_map.json", "generation_config.json"};
  for (const std::string& name : names) WriteText(root_ / "base" / name, "{\n}\n");
  fs::create_directories(root_ / "out");
  WriteText(root_ / "out/added_tokens.json", R"({"<left over>": 257})");
  ASSERT_EQ(Train({"first.txt"}).status, 0);
  for (const std::string& name : names) EXPECT_EQ(ReadText(root_ / "out" / name), "{\n}\n") << name;
  EXPECT_EQ(ReadText(root_ / "out/vocab.json"), ReadText(root_ / "base/vocab.json"));
  EXPECT_FALSE(fs::exists(root_ / "out/added_tokens.json"));  // of another tokenizer
}

// A padding token that a fine-tune added to the tokenizer alone is nobody's trouble until a text needs it.
TEST_F(OutDirectory, TokensOfTheTokenizerAloneMatterWhereATextHasThem) {
  WriteText(root_ / "base/added_tokens.json", R"({"<pad>": 258})");
  const Outcome without = Train({"first.txt"});
  EXPECT_EQ(without.status, 0) << without.err;
  WriteText(root_ / "padded.txt", MakeText(10, 1) + "<pad>" + MakeText(10, 2));
  ExpectRefusal(Train({"padded.txt"}, {"--overwrite"}), {"258"});
}

TEST_F(OutDirectory, WhatIsNoTextIsRefused) {
  WriteText(root_ / "wide.txt", std::string("\xff\xfe"
                                            "a\0b\0",
                                            6));
  ExpectRefusal(Train({"wide.txt"}), {"wide.txt", "UTF-16"});
}

TEST_F(OutDirectory, TheConfigSaysInWhichTypeWeightsAreSaved) {
  auto config = tools::Json::parse(ReadText(root_ / "base/config.json"));
  config["torch_dtype"] = "float32";
  config["unknown"] = "kept";
  WriteText(root_ / "base/config.json", config.dump());
  ASSERT_EQ(Train({"first.txt"}, {"--dtype", "f16"}).status, 0);
  const auto saved = tools::Json::parse(ReadText(root_ / "out/config.json"));
  EXPECT_EQ(saved["torch_dtype"], "float16");
  EXPECT_EQ(saved["unknown"], "kept");
}

}  // namespace
}  // namespace dcp::finetune
