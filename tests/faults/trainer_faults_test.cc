// The trainer on disks that fill up, lose files and cannot be read, and under signals and kills, at each of its calls
// about files in turn: what is on the disk always loads, and going on from it gives what an undisturbed run gives.
#include <gtest/gtest.h>
#include <signal.h>

#include <regex>

#include "tests/faults/command_faults.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::faults {
namespace {

namespace fs = std::filesystem;

struct How {
  const char* name;
  Fault::Kind kind;
  int signal;
};

class TrainerFaults : public testing::TestWithParam<How> {
 protected:
  void SetUp() override {
    if (const std::string why = WhyNoFaults(); !why.empty()) GTEST_SKIP() << why;
    // It starts itself once more to set this, in which nothing is of interest here.
    setenv("GLIBC_TUNABLES", "glibc.malloc.check=0", 1);
    fs::create_directories(dir_.path() / "scope/in");
    reference::MakeCheckpoint(In("base"), reference::SmallConfig(1, 2, 4, 0, 257, 32));
    tools::WriteByteTokenizer(In("base"));
    reference::WriteText(In("a.txt"), tools::Letters(300));
    reference::WriteText(In("valid.txt"), tools::Letters(100, 9));
  }
  void TearDown() override { unsetenv("GLIBC_TUNABLES"); }

  std::string In(const std::string& name) const { return (dir_.path() / "scope/in" / name).string(); }
  std::string Out(const std::string& name) const { return (dir_.path() / "scope/out" / name).string(); }

  void Sweep(const Command& command, const Files& earlier = {}) {
    CommandFaults(dir_.path(), earlier).Sweep(command, GetParam().kind, GetParam().signal);
  }

  tools::TempDir dir_;
};

// Lines of the log without what differs from run to run, and without evaluations: one whose line could not be written
// after the last save is not made again.
std::string Steps(const std::string& name, const std::string& text) {
  static const std::regex kLeftOut(R"re("(seconds|peak_rss_bytes)":[-+.e0-9]+|[^\n]*"evaluation":[^\n]*\n?)re");
  return name.ends_with("train.jsonl") ? std::regex_replace(text, kLeftOut, "") : text;
}

TEST_P(TrainerFaults, TrainsAndGoesOn) {
  const std::vector<std::string> args = {"--base",         In("base"),
                                         "--data",         In("a.txt"),
                                         "--valid",        In("valid.txt"),
                                         "--out",          Out("m"),
                                         "--cache",        Out("cache"),
                                         "--steps",        "4",
                                         "--save-every",   "2",
                                         "--batch",        "2",
                                         "--threads",      "1",
                                         "--save-minutes", "0",
                                         "--gamma",        "0.5",
                                         "--int-dim",      "2",
                                         "--alpha",        "cosine:1:8:4",
                                         "--eval-every",   "2"};
  std::vector<std::string> again = args;
  again.push_back("--resume");
  // Between two saves the directory holds what the first of them wrote: neither what was nor what is to be.
  Sweep({.program = "dcp-finetune",
         .args = args,
         .again = again,
         .grown = {"m/train.jsonl"},
         .essence = Steps,
         .between = {"m/model.safetensors", "m/train_state.safetensors"},
         .stride = 29});
}

TEST_P(TrainerFaults, Tokenizer) {
  Sweep({.program = "dcp-finetune",
         .args = {"--train-tokenizer", "270", "--data", In("a.txt"), "--out", Out("t"), "--overwrite"},
         .stride = 13});
}

TEST_P(TrainerFaults, Converts) {
  Sweep({.program = "dcp-finetune",
         .args = {"convert", "--base", In("base"), "--out", Out("c"), "--overwrite"},
         .stride = 29});
}

INSTANTIATE_TEST_SUITE_P(All, TrainerFaults,
                         testing::Values(How{"Errors", Fault::Kind::kError, 0},
                                         How{"FullDisk", Fault::Kind::kFullDisk, 0}, How{"Kill", Fault::Kind::kKill, 0},
                                         How{"CtrlC", Fault::Kind::kSignal, SIGINT},
                                         How{"Moments", Fault::Kind::kSignalLater, SIGINT}),
                         [](const auto& how) { return std::string(how.param.name); });

}  // namespace
}  // namespace dcp::faults
