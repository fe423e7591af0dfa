#include "dcp-finetune/launcher.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "dcp/error.h"

namespace dcp::finetune {
namespace {

using Clock = std::chrono::steady_clock;

constexpr timespec kPoll = {0, 20'000'000};
constexpr std::chrono::seconds kOneRequest(3);  // signals closer together are one wish
constexpr std::chrono::seconds kToSayWhy(10);   // for the first process, after another one has failed

sigset_t EndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

// Blocks SIGINT and SIGTERM while it lives, also for the processes started meanwhile.
class BlockedSignals {
 public:
  BlockedSignals() : signals_(EndSignals()) { pthread_sigmask(SIG_BLOCK, &signals_, &before_); }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  // The next one, waiting a little while for it; 0: none came.
  int Take() const { return std::max(sigtimedwait(&signals_, nullptr, &kPoll), 0); }

 private:
  sigset_t signals_, before_;
};

// Between fork and exec: nothing but system calls.
[[noreturn]] void Become(const std::vector<char*>& argv, pid_t parent, bool silent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it died before it could be watched
  if (silent) {
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
  }
  execv("/proc/self/exe", argv.data());
  _exit(127);
}

// The processes that still run; ends them when it goes.
class Group {
 public:
  ~Group() {
    Signal(SIGKILL);
    for (const pid_t child : children_) {
      if (child > 0) waitpid(child, nullptr, 0);
    }
  }

  void Start(std::vector<std::string> args, bool silent) {
    std::vector<char*> argv = {const_cast<char*>("dcp-finetune")};
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    const pid_t parent = getpid(), child = fork();
    if (child == 0) Become(argv, parent, silent);
    if (child < 0) throw Error(ErrorCode::kInternal, std::string("no new process: ") + std::strerror(errno));
    children_.push_back(child);
    ++running_;
  }

  size_t running() const { return running_; }

  void Signal(int signal) const {
    for (const pid_t child : children_) {
      if (child > 0) kill(child, signal);
    }
  }

  // Calls fn(index, exit status) for each that has ended since the last call.
  template <typename Fn>
  void ForEachEnded(const Fn& fn) {
    for (size_t i = 0; i < children_.size(); ++i) {
      int status = 0;
      if (children_[i] <= 0 || waitpid(children_[i], &status, WNOHANG) != children_[i]) continue;
      children_[i] = 0;
      --running_;
      fn(i, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
  }

 private:
  std::vector<pid_t> children_;
  size_t running_ = 0;
};

// A file that is not there before, and not after.
struct RemovedFile {
  explicit RemovedFile(std::filesystem::path file) : path(std::move(file)) { Remove(); }
  ~RemovedFile() { Remove(); }
  RemovedFile(const RemovedFile&) = delete;
  RemovedFile& operator=(const RemovedFile&) = delete;

  void Remove() const {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }

  std::filesystem::path path;
};

bool Failed(int status) { return status != tools::kExitDone && status != tools::kExitInterrupted; }

// Waits for all, passing on the wish to end. Returns the first one's exit status.
int WaitForAll(Group& group, const BlockedSignals& signals) {
  std::optional<Clock::time_point> asked, failed;
  int first = 0;
  std::string failure;
  while (group.running() > 0) {
    const int signal = signals.Take();
    if (signal == SIGINT && asked && Clock::now() - *asked > kOneRequest) return tools::kExitInterrupted;
    if (signal != 0) {
      group.Signal(SIGTERM);
      if (!asked) asked = Clock::now();
    }
    bool done = false;
    group.ForEachEnded([&](size_t rank, int status) {
      if (rank == 0) first = status;
      if (!Failed(status)) return;
      if (rank == 0) done = true;  // it has said why
      if (!failed) failed = Clock::now();
      failure = "process " + std::to_string(rank) + " ended with status " + std::to_string(status);
    });
    if (done) return first;
    // What fails in one fails in all, or leaves the first one without its peer: it will say so.
    if (failed && Clock::now() - *failed > kToSayWhy) throw Error(ErrorCode::kInternal, failure);
  }
  return first;
}

}  // namespace

std::filesystem::path NewRendezvous() {
  return std::filesystem::temp_directory_path() / ("dcp-finetune-" + std::to_string(getpid()));
}

int RunProcesses(std::span<const std::string> args, const ExchangeOptions& exchange, int threads, tools::ToolIo& io) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency()), processes = exchange.processes;
  const RemovedFile removed{exchange.rendezvous};
  const BlockedSignals signals;
  if (io.interrupted) return tools::kExitInterrupted;
  Group group;
  for (int rank = 0; rank < processes; ++rank) {
    std::vector<std::string> own(args.begin(), args.end());
    own.insert(own.end(), {"--world-size", std::to_string(processes), "--rank", std::to_string(rank)});
    own.insert(own.end(), {"--rendezvous", exchange.rendezvous});
    if (threads == 0) own.insert(own.end(), {"--threads", std::to_string(std::max(1, cores / processes))});
    group.Start(std::move(own), rank > 0);
  }
  return WaitForAll(group, signals);
}

bool EndAsked(const tools::ToolIo& io) {
  sigset_t pending;
  sigpending(&pending);
  return io.interrupted || sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

}  // namespace dcp::finetune
