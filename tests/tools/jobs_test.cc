// Queues under a budget of memory: dcp-generate --kv-budget and --output, dcp-bench jobs.
#include <gtest/gtest.h>

#include <map>

#include "common/schedule_options.h"
#include "dcp-bench/bench_tool.h"
#include "dcp-generate/generate_tool.h"
#include "dcp/error.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

using reference::ReadText;
using reference::WriteText;

class Jobs : public testing::Test {
 protected:
  Jobs() {
    std::string lines;
    for (int i = 0; i < 12; ++i) {
      const Json line{{"prompt", Letters(20 + 4 * static_cast<size_t>(i), static_cast<uint32_t>(i + 1))},
                      {"max_new_tokens", 3 + i},
                      {"samples", i == 4 ? 3 : 1},
                      {"id", "job " + std::to_string(i)}};
      lines += line.dump() + '\n';
    }
    lines += "{\"prompt\": \"a\", \"no_such\": 1}\n";
    WriteText(input_, lines);
  }

  ToolRun Run(const Args& more, const World& world = {}) const {
    Args args = {"--model", model_, "--input", input_, "--temperature", "1", "--policy", "window:30"};
    args.insert(args.end(), more.begin(), more.end());
    return RunTool(GenerateMain, args, world);
  }

  // The lines of the output by (index, sample).
  std::map<std::pair<int, int>, Json> Lines() const {
    std::map<std::pair<int, int>, Json> lines;
    std::istringstream text(ReadText(output_));
    for (std::string line; std::getline(text, line);) {
      const Json json = Json::parse(line);
      EXPECT_TRUE(lines.emplace(std::pair(json["index"].get<int>(), json.value("sample", 0)), json).second) << line;
    }
    return lines;
  }

  TempDir dir_;
  std::string model_ = MakeByteModel(dir_);
  std::string input_ = dir_ / "in.jsonl";
  std::string output_ = dir_ / "out.jsonl";
};

TEST_F(Jobs, ResultsAreThoseOfOneBatch) {
  const ToolRun run = Run({"--kv-budget", "300K", "--output", output_});
  ASSERT_EQ(run.status, kExitDone) << run.err;
  EXPECT_TRUE(run.out.empty());
  EXPECT_NE(run.err.find("in.jsonl:13"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("13 of 13 requests done"), std::string::npos) << run.err;
  const Json sequences = Run({"--json"}).json()["sequences"];
  const Json budgeted = Run({"--json", "--kv-budget", "300K"}).json()["sequences"];
  EXPECT_EQ(budgeted, sequences);
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), sequences.size());
  size_t i = 0;
  for (const auto& [place, line] : lines) {
    const Json& sequence = sequences[i++];
    for (const auto& [field, value] : sequence.items()) {
      if (field == "kept") continue;
      EXPECT_EQ(line[field], value) << field;
    }
    EXPECT_FALSE(line.contains("kept"));
  }
}

TEST_F(Jobs, AnInterruptedRunGoesOnWhereItWas) {
  ASSERT_EQ(Run({"--kv-budget", "300K", "--output", output_}).status, kExitDone);
  const auto whole = Lines();
  std::string text = ReadText(output_);
  // What a kill in the middle of a line leaves.
  size_t cut = 0;
  for (int i = 0; i < 5; ++i) cut = text.find('\n', cut) + 1;
  WriteText(output_, text.substr(0, cut + 40));
  ExpectRefused(Run({"--output", output_}), "dcp-generate", {"--output", "already", "--resume"});
  EXPECT_EQ(ReadText(output_).size(), cut + 40) << "and nothing was changed";
  ASSERT_EQ(Run({"--output", output_, "--resume"}).status, kExitDone);
  EXPECT_EQ(Lines(), whole);
  const ToolRun again = Run({"--output", output_, "--resume"});
  EXPECT_NE(again.err.find("0 tokens"), std::string::npos) << "nothing was left to do: " << again.err;
  EXPECT_EQ(Lines(), whole);

  World interrupted;
  interrupted.interrupted = true;
  std::filesystem::remove(output_);
  const ToolRun run = Run({"--output", output_}, interrupted);
  EXPECT_EQ(run.status, kExitInterrupted) << run.err;
  EXPECT_NE(run.err.find("--resume"), std::string::npos);
  ASSERT_EQ(Run({"--output", output_, "--resume"}).status, kExitDone);
  EXPECT_EQ(Lines(), whole);
}

TEST_F(Jobs, AFileOfAnotherInputIsRefused) {
  ASSERT_EQ(Run({"--output", output_}).status, kExitDone);
  WriteText(input_, "{\"prompt\": \"other\"}\n");
  ExpectRefused(Run({"--output", output_, "--resume"}), "dcp-generate", {"out.jsonl:"});
  WriteText(output_, "not json\n");
  ExpectRefused(Run({"--output", output_, "--resume"}), "dcp-generate", {"out.jsonl:1"});
  ExpectRefused(Run({"--resume"}), "dcp-generate", {"--resume", "--output"});
  ExpectRefused(Run({"--output", output_, "--json"}), "dcp-generate", {"--output", "--json"});
  ExpectRefused(Run({"--kv-budget", "12Q"}), "dcp-generate", {"--kv-budget", "12Q"});
  ExpectRefused(Run({"--kv-budget", "1K", "--json"}), "dcp-generate", {"kv_budget", "1024"});
}

TEST(ByteCounts, HaveUnitsOfPowersOf1024) {
  EXPECT_EQ(ReadByteCount("1000"), 1000u);
  EXPECT_EQ(ReadByteCount("256M"), size_t{256} << 20);
  EXPECT_EQ(ReadByteCount("1.5g"), size_t{3} << 29);
  for (const char* text : {"", "M", "0", "-1", "1MB", "nan", "1e30"}) EXPECT_THROW(ReadByteCount(text), Error) << text;
}

class BenchJobs : public testing::Test {
 protected:
  ToolRun Run(const Args& more) const {
    Args args = {"jobs", "--shape", "2,2,16,96,61", "--int-dim", "4", "--jobs", jobs_, "--prefill-chunk", "16"};
    args.insert(args.end(), more.begin(), more.end());
    return RunTool(BenchMain, args);
  }

  TempDir dir_;
  std::string jobs_ = dir_ / "jobs.tsv";
};

TEST_F(BenchJobs, TheQueueIsMeasuredAndItsTokensAreThoseOfEachAlone) {
  std::string text = "# prompt, new\n";
  for (int i = 0; i < 20; ++i) text += std::to_string(8 + 3 * i) + '\t' + std::to_string(5 + i % 7) + '\n';
  WriteText(jobs_, text);
  for (const Args& policy : {Args{"--policy", "dense"}, Args{"--sparsity", "0.8"}}) {
    Args args = {"--kv-budget", "150K", "--verify", "20", "--json"};
    args.insert(args.end(), policy.begin(), policy.end());
    const ToolRun run = Run(args);
    ASSERT_EQ(run.status, kExitDone) << run.err;
    const Json entry = run.json();
    EXPECT_EQ(entry["requests"], 20);
    EXPECT_EQ(entry["prompt_tokens"], 20 * 8 + 3 * 190);
    EXPECT_EQ(entry["verified_same"], 20);
    EXPECT_LE(entry["kv_bytes_reserved_max"].get<int>(), 150 << 10);
    EXPECT_GT(entry["concurrent_mean"].get<double>(), 1.0);
    EXPECT_GE(entry["concurrent_max"].get<int>(), entry["concurrent_mean"].get<double>());
    for (const char* field : {"seconds", "generated_tokens_per_s", "ttft_ms_mean", "ttft_ms_p95", "itl_ms_p50",
                              "itl_ms_p95", "kv_budget", "peak_rss_bytes"}) {
      EXPECT_GT(entry[field].get<double>(), 0.0) << field;
    }
    EXPECT_TRUE(entry.contains("set_aside"));
  }
}

TEST_F(BenchJobs, WhatIsWrongIsNamed) {
  WriteText(jobs_, "8\t5\n90\t20\n");
  ExpectRefused(Run({}), "dcp-bench jobs", {"jobs.tsv:2", "90 + 20", "96"});
  WriteText(jobs_, "8 5\n");
  ExpectRefused(Run({}), "dcp-bench jobs", {"jobs.tsv:1", "tab"});
  WriteText(jobs_, "");
  ExpectRefused(Run({}), "dcp-bench jobs", {"jobs.tsv", "no jobs"});
  WriteText(jobs_, "8\t5\n");
  ExpectRefused(Run({"--policy", "dense", "--sparsity", "0.8"}), "dcp-bench jobs", {"--sparsity", "learned"});
}

}  // namespace
}  // namespace dcp::tools
