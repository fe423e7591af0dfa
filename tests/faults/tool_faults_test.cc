// Every tool that writes files, on disks that fill up, lose files, cannot be read, and under signals and kills, at each
// of its calls about files in turn.
#include <gtest/gtest.h>
#include <signal.h>

#include <regex>

#include "tests/faults/command_faults.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::faults {
namespace {

namespace fs = std::filesystem;

using tools::TempDir;

// Values of fields that are times, rates or resident memory.
std::string WithoutTimes(const std::string&, const std::string& text) {
  static const std::regex kTimes(R"re(("[a-z0-9_]*(seconds|_per_s|_ms_|ms_|rss)[a-z0-9_]*":)[-+.e0-9]+)re");
  return std::regex_replace(text, kTimes, "$1 0");
}

struct How {
  const char* name;
  Fault::Kind kind;
  int signal;
};

class ToolFaults : public testing::TestWithParam<How> {
 protected:
  void SetUp() override {
    if (const std::string why = WhyNoFaults(); !why.empty()) GTEST_SKIP() << why;
    fs::create_directories(dir_.path() / "scope/in");
    reference::MakeCheckpoint(In("model"), tools::ByteModelConfig(64));
    tools::WriteByteTokenizer(In("model"));
    reference::WriteText(In("text.txt"), tools::Letters(150));
    std::string jobs;
    for (int i = 0; i < 4; ++i) {
      jobs += R"({"prompt": ")" + tools::Letters(9, i + 1) + R"(", "max_new_tokens": 6, "temperature": 1})" + "\n";
    }
    reference::WriteText(In("jobs.jsonl"), jobs);
  }

  std::string In(const std::string& name) const { return (dir_.path() / "scope/in" / name).string(); }

  void Sweep(const Command& command, const Files& earlier = {}) {
    CommandFaults(dir_.path(), earlier).Sweep(command, GetParam().kind, GetParam().signal);
  }
  std::string Out(const std::string& name) const { return (dir_.path() / "scope/out" / name).string(); }

  TempDir dir_;
};

TEST_P(ToolFaults, GenerateStateTraceAndLogits) {
  Sweep({.program = "dcp-generate",
         .args = {"--model", In("model"), "--prompt", "abc", "--max-new-tokens", "5", "--ignore-eos", "--save-state",
                  Out("state"), "--trace", Out("trace.json"), "--logits", Out("logits.json")},
         .shortened = {"trace.json", "logits.json"}},
        {{"state", "an earlier one"}, {"trace.json", "{}"}});
}

TEST_P(ToolFaults, GenerateQueue) {
  const std::vector<std::string> args = {"--model",        In("model"),   "--input", In("jobs.jsonl"), "--output",
                                         Out("out.jsonl"), "--max-batch", "1",       "--threads",      "1"};
  std::vector<std::string> again = args;
  again.push_back("--resume");
  Sweep({.program = "dcp-generate", .args = args, .again = again, .grown = {"out.jsonl"}});
}

TEST_P(ToolFaults, EvalPerplexity) {
  Sweep({.program = "dcp-eval",
         .args = {"perplexity", "--model", In("model"), "--text", In("text.txt"), "--per-token", Out("nll.json")}},
        {{"nll.json", "[]"}});
}

TEST_P(ToolFaults, EvalSweep) {
  Sweep({.program = "dcp-eval",
         .args = {"sweep", "--model", In("model"), "--text", In("text.txt"), "--context", "48", "--baselines", "window",
                  "--bootstrap", "50", "--resume", Out("rows.jsonl"), "--json", Out("sweep.json"), "--csv",
                  Out("sweep.csv"), "--plot", Out("sweep.svg")},
         .grown = {"rows.jsonl"},
         .essence = WithoutTimes,
         .volatiles = {"sweep.csv"},
         .shortened = {"sweep.json", "sweep.svg"}});
}

TEST_P(ToolFaults, InspectPage) {
  Sweep({.program = "dcp-inspect",
         .args = {"--model", In("model"), "--prompt", "some text of some length", "--html", Out("page.html"), "--json",
                  Out("page.json")}},
        {{"page.html", "an earlier one"}});
}

TEST_P(ToolFaults, BenchReports) {
  Sweep(
      {.program = "dcp-bench",
       .args = {"--model", In("model"), "--batch", "1", "--context", "8", "--steps", "1", "--repeats", "1", "--policy",
                "dense", "--json", Out("bench.json"), "--csv", Out("bench.csv"), "--plot", Out("bench.svg")},
       .volatiles = {"bench.json", "bench.csv", "bench.svg"}});
}

INSTANTIATE_TEST_SUITE_P(All, ToolFaults,
                         testing::Values(How{"Errors", Fault::Kind::kError, 0},
                                         How{"Interrupted", Fault::Kind::kInterrupted, 0},
                                         How{"FullDisk", Fault::Kind::kFullDisk, 0}, How{"Kill", Fault::Kind::kKill, 0},
                                         How{"CtrlC", Fault::Kind::kSignal, SIGINT},
                                         How{"Terminate", Fault::Kind::kSignal, SIGTERM},
                                         How{"Moments", Fault::Kind::kSignalLater, SIGINT}),
                         [](const auto& how) { return std::string(how.param.name); });

}  // namespace
}  // namespace dcp::faults
