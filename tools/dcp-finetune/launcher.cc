#include "dcp-finetune/launcher.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "dcp/error.h"

namespace dcp::finetune {
namespace {

// Between fork and exec: nothing but system calls.
[[noreturn]] void Become(const std::vector<char*>& argv, bool silent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
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
    for (const pid_t child : children_) {
      if (child <= 0) continue;
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
  }

  void Start(std::vector<std::string> args, bool silent) {
    std::vector<char*> argv = {const_cast<char*>("dcp-finetune")};
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) Become(argv, silent);
    if (child < 0) throw Error(ErrorCode::kInternal, std::string("no new process: ") + std::strerror(errno));
    children_.push_back(child);
  }

  // Waits for one to end: its index, with its exit status; -1 after a while without news.
  int WaitOne(int& status) {
    for (size_t i = 0; i < children_.size(); ++i) {
      if (children_[i] > 0 && waitpid(children_[i], &status, WNOHANG) == children_[i]) {
        children_[i] = 0;
        status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return static_cast<int>(i);
      }
    }
    usleep(20000);
    return -1;
  }

  void Interrupt() {
    if (children_[0] > 0) kill(children_[0], SIGINT);  // it tells the others after its step
  }

 private:
  std::vector<pid_t> children_;
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

}  // namespace

int RunProcesses(std::span<const std::string> args, int processes, int threads, tools::ToolIo& io) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const std::filesystem::path rendezvous =
      std::filesystem::temp_directory_path() / ("dcp-finetune-" + std::to_string(getpid()));
  const RemovedFile removed{rendezvous};
  Group group;
  for (int rank = 0; rank < processes; ++rank) {
    std::vector<std::string> own(args.begin(), args.end());
    own.insert(own.end(), {"--world-size", std::to_string(processes), "--rank", std::to_string(rank)});
    own.insert(own.end(), {"--rendezvous", rendezvous.string()});
    if (threads == 0) own.insert(own.end(), {"--threads", std::to_string(std::max(1, cores / processes))});
    group.Start(std::move(own), rank > 0);
  }
  bool told = false;
  int first = 0;
  for (int running = processes; running > 0;) {
    if (io.interrupted && !told) {
      group.Interrupt();
      told = true;
    }
    int status = 0;
    const int ended = group.WaitOne(status);
    if (ended < 0) continue;
    --running;
    if (ended == 0) first = status;
    if (ended == 0 && status != 0 && status != tools::kExitInterrupted) break;  // it has said why
    if (ended > 0 && status != 0 && status != tools::kExitInterrupted) {
      // Bad input fails everywhere at once; let the first one say so.
      for (int i = 0; i < 50; ++i) {
        if (group.WaitOne(first) == 0 && first != 0) return first;
      }
      throw Error(ErrorCode::kInternal,
                  "process " + std::to_string(ended) + " ended with status " + std::to_string(status));
    }
  }
  return first;
}

}  // namespace dcp::finetune
