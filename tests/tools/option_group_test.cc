// Options: how values are read, what is said of those that cannot be, and the blocks that tools share.
#include "common/option_group.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "common/model_options.h"
#include "common/request_options.h"
#include "common/settings.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

using Declare = std::function<void(const OptionGroup&)>;

// Parses; returns the message of what was refused.
std::string Parse(const Declare& declare, const Args& args) {
  std::atomic<bool> interrupted = false;
  std::istringstream in;
  std::ostringstream out, err;
  ToolIo io{in, out, err, interrupted};
  CLI::App app;
  declare(OptionGroup(app, "Heading"));
  try {
    ParseArguments(app, args, io);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return out.str();
}

TEST(OptionGroup, NumbersAreReadWhole) {
  int n = 0;
  double x = 0;
  uint64_t seed = 1;
  std::optional<float> tau;
  const Declare declare = [&](const OptionGroup& add) {
    add("--n", n, "", "N");
    add("--x", x, "", "X");
    add("--seed", seed, "", "N");
    add("--tau", tau, "", "TAU");
  };
  EXPECT_EQ(Parse(declare, {}), "");
  EXPECT_FALSE(tau);
  EXPECT_EQ(Parse(declare, {"--n", "-3", "--x", "1e-3", "--seed", "18446744073709551615", "--tau=-0.5"}), "");
  EXPECT_EQ(n, -3);
  EXPECT_EQ(x, 1e-3);
  EXPECT_EQ(seed, ~uint64_t{0});
  EXPECT_EQ(tau, -0.5f);
  EXPECT_EQ(Parse(declare, {"--tau", "-1e-60", "--x", "1e-999"}), "") << "tiny is not nothing";
  EXPECT_LT(tau.value(), 0.0f);
  EXPECT_GT(tau.value(), -1e-40f);
  EXPECT_GT(x, 0.0);
  EXPECT_EQ(Parse(declare, {"--tau", "1e60"}), "--tau: \"1e60\" is out of range");
  EXPECT_EQ(Parse(declare, {"--n", "3x"}), "--n: \"3x\" is not a whole number");
  EXPECT_EQ(Parse(declare, {"--n", "1.5"}), "--n: \"1.5\" is not a whole number");
  EXPECT_EQ(Parse(declare, {"--n", ""}), "--n: \"\" is not a whole number");
  EXPECT_EQ(Parse(declare, {"--n", "99999999999"}), "--n: \"99999999999\" is out of range");
  EXPECT_EQ(Parse(declare, {"--x", "many"}), "--x: \"many\" is not a number");
  EXPECT_EQ(Parse(declare, {"--seed", "-1"}), "--seed: \"-1\" is not a whole number, 0 or more");
}

TEST(OptionGroup, RangesAndWords) {
  int n = 0, word = 0;
  double share = 0;
  std::string text;
  const Declare declare = [&](const OptionGroup& add) {
    add("--n", n, "", "N", AtLeast(1));
    add("--share", share, "", "X", Between(0.0, 0.999));
    add("--word", word, "", "WORD", OneOf<int>({{"one", 1}, {"two", 2}}));
    add("--text", text, "", "TEXT", ReadNonEmpty);
  };
  EXPECT_EQ(Parse(declare, {"--n", "1", "--share", "0.5", "--word", "two", "--text", "-"}), "");
  EXPECT_EQ(n, 1);
  EXPECT_EQ(share, 0.5);
  EXPECT_EQ(word, 2);
  EXPECT_EQ(text, "-");
  EXPECT_EQ(Parse(declare, {"--n", "0"}), "--n: \"0\" is less than 1");
  EXPECT_EQ(Parse(declare, {"--share", "1"}), "--share: \"1\" is not between 0 and 0.999");
  EXPECT_EQ(Parse(declare, {"--share", "nan"}), "--share: \"nan\" is not between 0 and 0.999");
  EXPECT_EQ(Parse(declare, {"--word", "three"}), "--word: \"three\" is not one of one, two");
  EXPECT_EQ(Parse(declare, {"--text", ""}), "--text: \"\" is empty");
}

TEST(OptionGroup, ListsHoldEachValueOnceInTheOrderGiven) {
  std::vector<int> values = {7};
  const Declare declare = [&](const OptionGroup& add) { add.List("--list", values, "", "N,N..", AtLeast(1)); };
  EXPECT_EQ(Parse(declare, {}), "");
  EXPECT_EQ(values, std::vector<int>{7});
  EXPECT_EQ(Parse(declare, {"--list", "8,1,8,32"}), "");
  EXPECT_EQ(values, (std::vector<int>{8, 1, 32}));
  for (const char* list : {"1,,2", ",1", "1,", ""}) {
    EXPECT_EQ(Parse(declare, {"--list", list}), "--list: \"" + std::string(list) + "\" has an empty entry");
  }
  EXPECT_EQ(Parse(declare, {"--list", "1,x"}), "--list: \"x\" is not a whole number");
  EXPECT_EQ(Parse(declare, {"--list", "1,0"}), "--list: \"0\" is less than 1");
  EXPECT_NE(Parse(declare, {"--list", "1", "2"}), "") << "one argument, not all that follow";
}

TEST(OptionGroup, RepeatedValuesAreTakenAsTheyAre) {
  std::vector<std::string> texts, files;
  bool flag = false;
  const Declare declare = [&](const OptionGroup& add) {
    add.Each("--text", texts, "", "TEXT");
    add.Several("--files", files, "", "FILE..");
    add.Flag("--flag", flag, "");
  };
  EXPECT_EQ(Parse(declare, {"--text", "[a,b]", "--text", "{}", "--files", "a", "b", "--flag", "--files", "c"}), "");
  EXPECT_EQ(texts, (std::vector<std::string>{"[a,b]", "{}"}));
  EXPECT_EQ(files, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(flag);
  int n = 0;
  const Declare once = [&](const OptionGroup& add) { add("--n", n, "", "N"); };
  EXPECT_NE(Parse(once, {"--n", "1", "--n", "2"}).find("--n"), std::string::npos);
}

TEST(OptionGroup, HelpNamesOptionTypeAndText) {
  int n = 0;
  const Declare declare = [&](const OptionGroup& add) { add("--n", n, "Steps; default: 16", "N", AtLeast(1)); };
  const std::string help = Parse(declare, {"--help"});
  for (const char* text : {"Heading", "--n N", "Steps; default: 16"}) {
    EXPECT_NE(help.find(text), std::string::npos) << text << " in " << help;
  }
}

TEST(OptionBlocks, ModelRunAndPolicy) {
  ModelToolOptions options;
  const Declare declare = [&](const OptionGroup& add) {
    AddModelSource(add, options);
    AddRunOptions(add, options);
    AddPolicyOptions(add, options);
  };
  EXPECT_EQ(Parse(declare, {"--model", "m", "--weights", "bf16", "--kv", "f16", "--policy", "sinks:4,60"}), "");
  EXPECT_EQ(options.model, "m");
  EXPECT_EQ(options.weights, WeightType::kBF16);
  EXPECT_EQ(options.kv, KvType::kF16);
  EXPECT_EQ(options.policy.value().window, 60);
  for (const char* option : {"--weights", "--kv", "--policy"}) {
    const std::string message = Parse(declare, {option, "lru"});
    EXPECT_EQ(message.rfind(option, 0), 0u) << message;
    EXPECT_NE(message.find("\"lru\""), std::string::npos) << message;
  }
}

// The blocks read a line of settings as well as a command line: same names, same values, same refusals.
TEST(OptionBlocks, SettingsOfAJsonLine) {
  RequestSettings request;
  Settings settings;
  AddRequestOptions(OptionGroup(settings), request);
  const auto apply = [&](const nlohmann::json& line) -> std::string {
    try {
      settings.Apply(line, {"prompt"}, "in:3");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return error.what();
    }
    return "";
  };
  const auto J = [](const char* text) { return nlohmann::json::parse(text); };
  EXPECT_EQ(apply(J(R"({"prompt": 7, "temperature": 0.5, "top_k": 40, "top_p": 0.25, "repetition_penalty": null,
                        "stop": ["a,b", "c"], "ignore_eos": true, "logit_bias": {"5": -1.5, "6": 2},
                        "bad_words_ids": [[1, 2], [3]], "forced_ids": [9, 8], "overflow": "slide",
                        "early_stopping": true, "logprobs": 3, "samples": 2})")),
            "");
  EXPECT_EQ(request.sampling.temperature, 0.5f);
  EXPECT_EQ(request.sampling.top_k, 40);
  EXPECT_EQ(request.sampling.top_p, 0.25f);
  EXPECT_EQ(request.sampling.repetition_penalty, 1.0f);
  EXPECT_EQ(request.stop, (std::vector<std::string>{"a,b", "c"}));
  EXPECT_TRUE(request.ignore_eos);
  ASSERT_EQ(request.sampling.logit_bias.size(), 2u);
  EXPECT_EQ(request.sampling.logit_bias[0].id, 5);
  EXPECT_EQ(request.sampling.logit_bias[0].bias, -1.5f);
  EXPECT_EQ(request.sampling.bad_words_ids, (std::vector<std::vector<TokenId>>{{1, 2}, {3}}));
  EXPECT_EQ(request.sampling.forced_ids, (std::vector<TokenId>{9, 8}));
  EXPECT_EQ(request.overflow, Overflow::kSlide);
  EXPECT_EQ(request.early_stopping, EarlyStopping::kAtOnce);
  EXPECT_EQ(request.logprobs, 3);
  EXPECT_EQ(request.samples, 2);
  EXPECT_EQ(apply(J(R"({"stop": "d", "bad_words_ids": [4, 5], "ignore_eos": false})")), "");
  EXPECT_EQ(request.stop, std::vector<std::string>{"d"}) << "in the place of those before";
  EXPECT_EQ(request.sampling.bad_words_ids, (std::vector<std::vector<TokenId>>{{4, 5}}));
  EXPECT_FALSE(request.ignore_eos);
  EXPECT_EQ(apply(J(R"({"stop": []})")), "");
  EXPECT_TRUE(request.stop.empty());

  EXPECT_EQ(apply(J(R"({"top_k": 1.5})")), "in:3: top_k: \"1.5\" is not a whole number");
  EXPECT_EQ(apply(J(R"({"top_k": "40"})")), "in:3: top_k is \"40\", expected a number");
  EXPECT_EQ(apply(J(R"({"max_new_tokens": 0})")), "in:3: max_new_tokens: \"0\" is less than 1");
  EXPECT_NE(apply(J(R"({"heat": 1})")).find("in:3: \"heat\" is no setting"), std::string::npos);
  EXPECT_NE(apply(J(R"({"he\nat": 1})")).find("in:3: \"he\\nat\" is no setting"), std::string::npos) << "one line";
  EXPECT_NE(apply(J(R"({"max_tokens": 1})")).find("\"max_tokens\""), std::string::npos);
  for (const char* wrong : {R"({"stop": 5})", R"({"stop": ["a", 5]})", R"({"ignore_eos": 1})", R"({"logit_bias": [1]})",
                            R"({"logit_bias": {"5": "x"}})", R"({"logit_bias": {"x": 1}})", R"({"overflow": true})",
                            R"({"forced_ids": "1,2"})", R"({"bad_words_ids": [[1.5]]})", R"({"temperature": [1]})",
                            R"({"stop": [null]})", R"({"early_stopping": 1})", R"({"samples": 99999999999})"}) {
    EXPECT_EQ(apply(J(wrong)).rfind("in:3: ", 0), 0u) << wrong;
  }
}

}  // namespace
}  // namespace dcp::tools
