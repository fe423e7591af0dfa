// dcp-generate: settings of a line of --input, samples, beams, log-probabilities, scores, saved prompts, the ends of
// the context.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "dcp-generate/generate_tool.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

class GenerateRequests : public testing::Test {
 protected:
  ToolRun Run(const Args& more, const World& world = {}) const {
    Args args = {"--model", model_, "--json"};
    args.insert(args.end(), more.begin(), more.end());
    return RunTool(GenerateMain, args, world);
  }
  Json Sequences(const Args& more, const World& world = {}) const {
    const ToolRun run = Run(more, world);
    EXPECT_EQ(run.status, kExitDone) << run.err;
    return run.json()["sequences"];
  }
  std::string Plain(const Args& more) const {
    Args args = {"--model", model_};
    args.insert(args.end(), more.begin(), more.end());
    return Generate(args).out;
  }

  TempDir dir_;
  std::string model_ = MakeByteModel(dir_);
};

TEST_F(GenerateRequests, ALineHasItsOwnSettings) {
  const std::string lines = R"({"prompt": "abc", "max_new_tokens": 2, "temperature": 0.9, "seed": 5, "id": "first"})"
                            "\n"
                            R"({"prompt": "abc", "max_tokens": 2})"
                            "\n"
                            R"({"prompt": "abc", "temperature": "hot"})"
                            "\n"
                            R"({"prompt": "abc", "repetition_penalty": 0})"
                            "\n"
                            R"({"prompt_ids": [1, 999], "id": 7})"
                            "\n"
                            R"({"prompt": "abc"})"
                            "\n";
  const ToolRun run = Run({"--input", "-", "--max-new-tokens", "6", "--ignore-eos"}, {.in = lines});
  EXPECT_EQ(run.status, kExitDone) << run.err;
  const Json sequences = run.json()["sequences"];
  ASSERT_EQ(sequences.size(), 6u);
  EXPECT_EQ(sequences[0]["generated_ids"].size(), 2u);
  EXPECT_EQ(sequences[0]["id"], "first");
  EXPECT_EQ(sequences[4]["id"], 7);
  EXPECT_EQ(sequences[5]["generated_ids"].size(), 6u);
  EXPECT_FALSE(sequences[5].contains("error"));
  const std::vector<std::string> words = {"max_tokens", "temperature is \"hot\"", "repetition_penalty: 0", "id 999"};
  for (size_t i = 1; i <= 4; ++i) {
    EXPECT_EQ(sequences[i]["finish_reason"], "error");
    EXPECT_EQ(sequences[i]["generated_ids"], Json::array());
    EXPECT_NE(sequences[i]["error"].get<std::string>().find(words[i - 1]), std::string::npos) << sequences[i]["error"];
    EXPECT_NE(run.err.find("standard input:" + std::to_string(i + 1) + ": "), std::string::npos) << run.err;
  }
  EXPECT_EQ(sequences[5], Sequences({"--prompt", "abc", "--max-new-tokens", "6", "--ignore-eos"})[0]);
}

TEST_F(GenerateRequests, ASeedOfItsOwnMakesALineIndependentOfItsPlace) {
  const std::string line = R"({"prompt": "abc", "seed": 5})";
  const std::string other = R"({"prompt": "xyz"})";
  const Args args = {"--input", "-", "--temperature", "1", "--max-new-tokens", "12"};
  const Json first = Sequences(args, {.in = line + "\n" + other});
  const Json last = Sequences(args, {.in = other + "\n" + other + "\n" + line});
  EXPECT_EQ(first[0], last[2]);
  EXPECT_NE(last[0]["generated_ids"], last[1]["generated_ids"]) << "those without one differ by their places";
  EXPECT_EQ(first[0]["generated_ids"], Sequences({"--prompt", "abc", "--seed", "5", "--temperature", "1",
                                                  "--max-new-tokens", "12"})[0]["generated_ids"]);
}

TEST_F(GenerateRequests, WhatFailsIsSaidInPlainModeToo) {
  const ToolRun run = RunTool(GenerateMain, {"--model", model_, "--prompt", "a", "--prompt-ids", "5"});
  EXPECT_EQ(run.status, kExitUsage) << "kinds of prompts are not mixed";
  const ToolRun some = RunTool(GenerateMain, {"--model", model_, "--prompt", "abc", "--prompt", std::string(97, 'x'),
                                              "--prompt", "de", "--max-new-tokens", "3", "--ignore-eos"});
  EXPECT_EQ(some.status, kExitDone);
  EXPECT_NE(some.err.find("dcp-generate: prompt 1: 97 tokens exceed the model's 96 positions\n"), std::string::npos);
  EXPECT_EQ(some.out, Plain({"--prompt", "abc", "--prompt", "de", "--max-new-tokens", "3", "--ignore-eos"}));
  const ToolRun all = Run({"--input", "-"}, {.in = R"({"prompt": "a", "heat": 1})"});
  EXPECT_EQ(all.status, kExitUsage);
  EXPECT_EQ(all.json()["sequences"][0]["finish_reason"], "error");
  EXPECT_EQ(all.err_lines(), 1u) << all.err;
}

TEST_F(GenerateRequests, SamplesShareTheirPrompt) {
  const Args args = {"--prompt", std::string(48, 'x'), "--policy",         "dense", "--temperature",
                     "1",        "--ignore-eos",       "--max-new-tokens", "3",     "--samples"};
  const auto with = [&](const char* samples) {
    Args more = args;
    more.push_back(samples);
    return Run(more).json();
  };
  const Json one = with("1"), eight = with("8");
  ASSERT_EQ(eight["sequences"].size(), 8u);
  EXPECT_EQ(eight["sequences"][3]["sample"], 3);
  EXPECT_EQ(eight["sequences"][3]["prompt"], 0);
  EXPECT_FALSE(one["sequences"][0].contains("sample"));
  EXPECT_EQ(eight["sequences"][0]["generated_ids"], one["sequences"][0]["generated_ids"]);
  EXPECT_NE(eight["sequences"][0]["generated_ids"], eight["sequences"][1]["generated_ids"]);
  EXPECT_EQ(eight["stats"]["prefill_tokens"], 48);
  EXPECT_EQ(eight["stats"]["kv_bytes_dense"], 8 * one["stats"]["kv_bytes_dense"].get<int64_t>());
  EXPECT_LT(eight["stats"]["kv_bytes_reserved"], 4 * one["stats"]["kv_bytes_reserved"].get<int64_t>());
}

TEST_F(GenerateRequests, BeamsLogprobsAndTheirScore) {
  const Json sequences = Sequences({"--prompt", "abc", "--num-beams", "4", "--samples", "2", "--max-new-tokens", "5",
                                    "--ignore-eos", "--logprobs", "3"});
  ASSERT_EQ(sequences.size(), 2u);
  for (const Json& sequence : sequences) {
    double sum = 0;
    ASSERT_EQ(sequence["logprobs"].size(), 5u);
    for (size_t i = 0; i < 5; ++i) {
      const Json& entry = sequence["logprobs"][i];
      EXPECT_EQ(entry["id"], sequence["generated_ids"][i]);
      EXPECT_EQ(entry["top_logprobs"].size(), 3u);
      EXPECT_GE(entry["top_logprobs"][0]["logprob"], entry["top_logprobs"][1]["logprob"]);
      EXPECT_TRUE(entry["top_logprobs"][0].contains("token"));
      sum += entry["logprob"].get<double>();
    }
    EXPECT_NEAR(sequence["beam_score"].get<double>(), sum / 5, 1e-5);
  }
  EXPECT_GE(sequences[0]["beam_score"], sequences[1]["beam_score"]);
}

TEST_F(GenerateRequests, ScoresInsteadOfText) {
  const Json greedy = Sequences({"--prompt", "abc", "--max-new-tokens", "2", "--logprobs", "0", "--ignore-eos"})[0];
  const Json sequence = Sequences({"--prompt", "abc", "--score", "xy", "--score", "z", "--score-ids",
                                   Join(greedy["generated_ids"].get<std::vector<TokenId>>())})[0];
  EXPECT_EQ(sequence["generated_ids"], Json::array());
  EXPECT_EQ(sequence["finish_reason"], "length");
  const Json& scores = sequence["scores"];
  ASSERT_EQ(scores.size(), 3u);
  EXPECT_EQ(scores[0]["text"], "xy");
  EXPECT_EQ(scores[0]["ids"], Json({'x', 'y'}));
  EXPECT_EQ(scores[0]["token_logprobs"].size(), 2u);
  EXPECT_NEAR(scores[0]["logprob"].get<double>(),
              scores[0]["token_logprobs"][0].get<double>() + scores[0]["token_logprobs"][1].get<double>(), 1e-5);
  EXPECT_EQ(scores[0]["greedy"], false);
  EXPECT_FALSE(scores[2].contains("text"));
  EXPECT_EQ(scores[2]["greedy"], true);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(scores[2]["token_logprobs"][i].get<double>(), greedy["logprobs"][i]["logprob"].get<double>(), 1e-5);
  }
  const std::string out = Plain({"--prompt", "abc", "--score", "xy", "--score-ids", "1,2"});
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 2);
  EXPECT_NE(out.find("\tother\txy\n"), std::string::npos) << out;
  EXPECT_NE(out.find("\tother\t1,2\n"), std::string::npos) << out;
}

TEST_F(GenerateRequests, ASavedPromptIsReadOnce) {
  const std::string file = dir_ / "state";
  const Args more = {"--temperature", "1", "--max-new-tokens", "8", "--seed", "4"};
  const auto run = [&](Args args) {
    args.insert(args.end(), more.begin(), more.end());
    const ToolRun done = Run(args);
    EXPECT_EQ(done.status, kExitDone) << done.err;
    return done.json();
  };
  const std::string text = "a long prompt, that is read but once";
  const Json plain = run({"--prompt", text});
  const Json saving = run({"--prompt", text, "--save-state", file});
  EXPECT_EQ(saving["sequences"], plain["sequences"]);
  EXPECT_EQ(saving["stats"]["prefill_tokens"], text.size());
  const Json loading = run({"--prompt", text, "--load-state", file});
  EXPECT_EQ(loading["sequences"], plain["sequences"]);
  EXPECT_EQ(loading["stats"]["prefill_tokens"], 0);
  EXPECT_EQ(run({"--load-state", file})["sequences"], plain["sequences"]);
  const Json longer = run({"--prompt", text + "!", "--load-state", file, "--save-state", dir_ / "longer"});
  EXPECT_EQ(longer["sequences"], run({"--prompt", text + "!"})["sequences"]);
  EXPECT_EQ(longer["stats"]["prefill_tokens"], 1);
  EXPECT_EQ(run({"--load-state", dir_ / "longer"})["sequences"], longer["sequences"]);
}

TEST_F(GenerateRequests, TinySettingsAreGreedy) {
  const Json greedy = Sequences({"--prompt", "abc", "--max-new-tokens", "8"})[0];
  for (const Args& tiny : {Args{"--temperature", "1e-60"}, Args{"--temperature", "1", "--top-p", "1e-60"},
                           Args{"--temperature", "1", "--min-p", "1"}, Args{"--temperature", "9", "--top-k", "1"}}) {
    Args args = {"--prompt", "abc", "--max-new-tokens", "8"};
    args.insert(args.end(), tiny.begin(), tiny.end());
    EXPECT_EQ(Sequences(args)[0], greedy) << tiny[0] << ' ' << tiny[1];
  }
  EXPECT_EQ(
      Sequences({"--input", "-", "--max-new-tokens", "8"}, {.in = R"({"prompt": "abc", "temperature": 1e-60})"})[0],
      greedy);
}

TEST_F(GenerateRequests, TheEndsOfTheContext) {
  const std::string text(150, 'x');
  const Json cut = Sequences({"--prompt", text, "--truncate", "left", "--max-new-tokens", "4", "--ignore-eos"})[0];
  EXPECT_EQ(cut["prompt_ids"].size(), 92u);
  EXPECT_EQ(cut["finish_reason"], "length");
  const ToolRun slid = Run({"--prompt", "abc", "--overflow", "slide", "--max-new-tokens", "150", "--ignore-eos"});
  const Json sequence = slid.json()["sequences"][0];
  EXPECT_EQ(sequence["generated_ids"].size(), 150u);
  EXPECT_EQ(sequence["finish_reason"], "length");
  EXPECT_EQ(sequence["slides"], 2);
  EXPECT_NE(slid.err.find("read again 2 times"), std::string::npos) << slid.err;
  EXPECT_EQ(Sequences({"--prompt", "", "--max-new-tokens", "3"})[0]["prompt_ids"], Json({256}));
}

}  // namespace
}  // namespace dcp::tools
