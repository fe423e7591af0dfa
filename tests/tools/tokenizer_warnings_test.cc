// Models and tokenizers that are odd and run all the same: one line on stderr says what is odd.
#include <gtest/gtest.h>

#include "dcp-generate/generate_tool.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

class TokenizerWarnings : public testing::Test {
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

  TempDir dir_;
};

TEST_F(TokenizerWarnings, EndOfTextOutsideTheVocabulary) {
  const std::string model = MakeByteModel(dir_);
  reference::WriteText(model + "/generation_config.json", R"({"eos_token_id": [97, 50256]})");
  const ToolRun run = Generate({"--model", model, "--prompt", "a", "--max-new-tokens", "2"});
  EXPECT_EQ(WarningsOf(run), std::vector<std::string>{
                                 model + "/generation_config.json: eos_token_id[1] is 50256, expected 0 to 256, the "
                                         "model's vocabulary: is left out"});
  EXPECT_EQ(run.err.substr(0, 23), "dcp-generate: warning: ");
}

TEST_F(TokenizerWarnings, AnyOfTheEndsOfTextEnds) {
  const std::string model = MakeByteModel(dir_);
  const Args args = {"--model", model, "--prompt", "a", "--max-new-tokens", "9", "--json", "--temperature", "1.5"};
  const Json free = Generate(args).json()["sequences"][0];
  ASSERT_EQ(free["finish_reason"], "length");
  const Json third = free["generated_ids"][2];
  reference::WriteText(model + "/generation_config.json", Json{{"eos_token_id", {256, third}}}.dump());
  const Json stopped = Generate(args).json()["sequences"][0];
  EXPECT_EQ(stopped["finish_reason"], "eos");
  EXPECT_LE(stopped["generated_ids"].size(), 3u);
  EXPECT_EQ(stopped["generated_ids"].back(), third);
}

TEST_F(TokenizerWarnings, MoreTokensThanTheModelHas) {
  const std::string model = MakeByteModel(dir_);
  WriteByteTokenizer(model, 300);
  const ToolRun run = Generate({"--model", model, "--prompt", "abc", "--max-new-tokens", "2"});
  EXPECT_EQ(WarningsOf(run), std::vector<std::string>{
                                 model + "/vocab.json: holds 300 tokens, config.json says vocab_size 257: text with "
                                         "the others cannot be read"});
}

}  // namespace
}  // namespace dcp::tools
