// The real programs: exit status, signals, pipes and full disks as a shell sees them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>

#include "dcp/version.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

// A running program: its standard output comes through a pipe, or goes to a file; stderr goes to a file.
class Process {
 public:
  Process(const std::string& tool, const Args& args, const std::string& err_file, const std::string& out_file = "")
      : err_file_(err_file) {
    std::array<int, 2> pipe_ends = {};
    if (pipe(pipe_ends.data()) != 0) throw std::runtime_error("pipe");
    pid_ = fork();
    if (pid_ == 0) {
      dup2(out_file.empty() ? pipe_ends[1] : open(out_file.c_str(), O_WRONLY), STDOUT_FILENO);
      dup2(open(err_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
      close(pipe_ends[0]);
      close(pipe_ends[1]);
      Exec(tool, args);
    }
    close(pipe_ends[1]);
    out_ = pipe_ends[0];
  }
  ~Process() {
    CloseOut();
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Blocks for the first bytes of standard output; empty at its end.
  std::string ReadSome() {
    std::array<char, 4096> bytes;
    const ssize_t size = read(out_, bytes.data(), bytes.size());
    return {bytes.data(), static_cast<size_t>(std::max<ssize_t>(size, 0))};
  }

  std::string ReadAll() {
    std::string all;
    for (std::string some = ReadSome(); !some.empty(); some = ReadSome()) all += some;
    return all;
  }

  void CloseOut() {
    if (out_ >= 0) close(out_);
    out_ = -1;
  }

  void Signal(int number) const { kill(pid_, number); }

  // The exit status as a shell gives it.
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::string err() const { return reference::ReadText(err_file_); }

 private:
  [[noreturn]] static void Exec(const std::string& tool, const Args& args) {
    std::string path = std::string(DCP_BINARY_DIR) + "/" + tool;
    std::vector<std::string> copies = args;
    std::vector<char*> argv = {path.data()};
    for (std::string& arg : copies) argv.push_back(arg.data());
    argv.push_back(nullptr);
    execv(path.c_str(), argv.data());
    _exit(127);
  }

  std::string err_file_;
  pid_t pid_ = -1;
  int out_ = -1;
};

class Binary : public testing::Test {
 protected:
  // Long enough that a signal meets it at work.
  static ModelConfig LongConfig() { return reference::SmallConfig(4, 4, 16, 4, 257, 8192); }

  TempDir dir_;
  std::string err_ = dir_ / "err";
};

TEST_F(Binary, HelpAndVersion) {
  for (const std::string tool : {"dcp-generate", "dcp-eval"}) {
    Process version(tool, {"--version"}, err_);
    EXPECT_EQ(version.ReadAll(), tool + " " + std::string(Version()) + "\n");
    EXPECT_EQ(version.Wait(), 0);
    Process help(tool, {"--help"}, err_);
    const std::string text = help.ReadAll();
    EXPECT_EQ(help.Wait(), 0);
    EXPECT_NE(text.find("Examples:"), std::string::npos) << text;
    EXPECT_EQ(help.err(), "");
  }
  Process help("dcp-eval", {"perplexity", "--help"}, err_);
  const std::string text = help.ReadAll();
  EXPECT_EQ(help.Wait(), 0);
  for (const char* word : {"--text", "--stride", "--per-token", "--policy", "default: half the context"}) {
    EXPECT_NE(text.find(word), std::string::npos) << word;
  }
}

TEST_F(Binary, BadUsageIsStatusTwo) {
  Process run("dcp-generate", {"--model", dir_ / "none", "--prompt", "a"}, err_);
  EXPECT_EQ(run.ReadAll(), "");
  EXPECT_EQ(run.Wait(), 2);
  EXPECT_EQ(run.err().find("dcp-generate: " + (dir_ / "none")), 0u) << run.err();
}

TEST_F(Binary, CtrlCEndsGenerationCleanly) {
  const std::string model = MakeByteModel(dir_, "model", LongConfig());
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string trace = dir_ / ("trace" + std::to_string(signal));
    Process run("dcp-generate",
                {"--model", model, "--prompt", "a", "--policy", "dense", "--max-new-tokens", "8000", "--temperature",
                 "1", "--ignore-eos", "--trace", trace},
                err_);
    EXPECT_NE(run.ReadSome(), "");
    run.Signal(signal);
    run.ReadAll();
    EXPECT_EQ(run.Wait(), 130);
    const Json sequence = Json::parse(reference::ReadText(trace))["sequences"][0];
    EXPECT_GT(sequence["ids"].size(), 0u);
    EXPECT_LT(sequence["ids"].size(), 8000u);
  }
  EXPECT_EQ(dir_.Files(), (std::vector<std::string>{"err", "model", "trace15", "trace2"}));
}

TEST_F(Binary, CtrlCEndsAWaitForStandardInput) {
  const std::string model = MakeByteModel(dir_, "model", ByteModelConfig());
  // Waits: a named pipe that nobody writes to.
  ASSERT_EQ(mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  const int fifo = open((dir_ / "fifo").c_str(), O_RDWR);
  const int saved = dup(STDIN_FILENO);
  dup2(fifo, STDIN_FILENO);
  Process run("dcp-generate", {"--model", model, "-"}, err_);
  dup2(saved, STDIN_FILENO);
  usleep(300000);
  run.Signal(SIGINT);
  EXPECT_EQ(run.Wait(), 130);
  EXPECT_EQ(run.err(), "dcp-generate: interrupted\n");
  close(saved);
  close(fifo);
}

TEST_F(Binary, FullDiskAndClosedPipeAreStatusTwo) {
  const std::string model = MakeByteModel(dir_, "model", LongConfig());
  const Args args = {"--model", model,           "--prompt", "a",           "--max-new-tokens",
                     "4000",    "--temperature", "1",        "--ignore-eos"};
  Process full("dcp-generate", args, err_, "/dev/full");
  EXPECT_EQ(full.Wait(), 2);
  EXPECT_EQ(full.err(), "dcp-generate: standard output: No space left on device\n");

  Process closed("dcp-generate", args, err_);
  closed.CloseOut();
  EXPECT_EQ(closed.Wait(), 2);
  EXPECT_EQ(closed.err(), "dcp-generate: standard output: Broken pipe\n");

  Process help("dcp-eval", {"--help"}, err_, "/dev/full");
  EXPECT_EQ(help.Wait(), 2);
  EXPECT_EQ(help.err(), "dcp-eval: standard output: No space left on device\n");
}

}  // namespace
}  // namespace dcp::tools
