// Options: how values are read, what is said of those that cannot be, and the blocks that tools share.
#include "common/option_group.h"

#include <gtest/gtest.h>

#include "common/model_options.h"
#include "common/sampling_options.h"
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

// The block reads a line of settings as well as a command line: same names, same values, same refusals.
TEST(OptionBlocks, SamplingSettingsOfAJsonLine) {
  SamplingOptions options;
  const auto parse = [&](const Json& line) {
    Args args;
    for (const auto& [name, value] : line.items()) {
      args.push_back("--" + name);
      std::replace(args.back().begin(), args.back().end(), '_', '-');
      args.push_back(value.is_string() ? value.get<std::string>() : value.dump());
    }
    return Parse([&](const OptionGroup& add) { AddSamplingOptions(add, options); }, args);
  };
  EXPECT_EQ(parse({{"temperature", 0.5}, {"top_k", 40}, {"top_p", 0.25}}), "");
  EXPECT_EQ(options.temperature, 0.5f);
  EXPECT_EQ(options.top_k, 40);
  EXPECT_EQ(options.top_p, 0.25f);
  EXPECT_EQ(parse({{"top_k", 1.5}}), "--top-k: \"1.5\" is not a whole number");
  EXPECT_NE(parse({{"heat", 1}}).find("--heat"), std::string::npos);
}

}  // namespace
}  // namespace dcp::tools
