#include "tests/faults/fault_injector.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "tests/reference/checkpoint_maker.h"

namespace dcp::faults {
namespace {

namespace fs = std::filesystem;

constexpr int kNoArgument = -1;

// A system call about a file: which argument says which.
struct CallKind {
  long number;
  const char* name;
  int descriptor;  // of the file, or of the directory that `path` is relative to
  int path;
};

constexpr CallKind kCalls[] = {
#ifdef SYS_open
    {SYS_open, "open", kNoArgument, 0},
    {SYS_creat, "create", kNoArgument, 0},
    {SYS_rename, "rename", kNoArgument, 1},
    {SYS_unlink, "unlink", kNoArgument, 0},
    {SYS_mkdir, "mkdir", kNoArgument, 0},
    {SYS_rmdir, "unlink", kNoArgument, 0},
#endif
    {SYS_openat, "open", 0, 1},
    {SYS_renameat, "rename", 2, 3},
    {SYS_renameat2, "rename", 2, 3},
    {SYS_unlinkat, "unlink", 0, 1},
    {SYS_mkdirat, "mkdir", 0, 1},
    {SYS_read, "read", 0, kNoArgument},
    {SYS_pread64, "read", 0, kNoArgument},
    {SYS_readv, "read", 0, kNoArgument},
    {SYS_write, "write", 0, kNoArgument},
    {SYS_pwrite64, "write", 0, kNoArgument},
    {SYS_writev, "write", 0, kNoArgument},
    {SYS_fsync, "fsync", 0, kNoArgument},
    {SYS_fdatasync, "fsync", 0, kNoArgument},
    {SYS_ftruncate, "truncate", 0, kNoArgument},
    {SYS_fchmod, "chmod", 0, kNoArgument},
    {SYS_flock, "lock", 0, kNoArgument},
    {SYS_mmap, "map", 4, kNoArgument},
};

const CallKind* KindOf(long number) {
  const auto* const found =
      std::find_if(std::begin(kCalls), std::end(kCalls), [&](const CallKind& kind) { return kind.number == number; });
  return found == std::end(kCalls) ? nullptr : found;
}

// Asks the supervisor about the calls above, but for maps of no file.
std::vector<sock_filter> Filter() {
  std::vector<sock_filter> filter;
  const auto load = [&](size_t offset) {
    filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset)));
  };
  constexpr size_t kFlags = offsetof(seccomp_data, args) + 3 * sizeof(uint64_t);  // of mmap; the low half comes first
  load(offsetof(seccomp_data, nr));
  const auto calls = static_cast<unsigned char>(std::size(kCalls));
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3));
  load(kFlags);
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, static_cast<unsigned char>(calls + 1), 0));
  load(offsetof(seccomp_data, nr));
  for (size_t i = 0; i < calls; ++i) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(kCalls[i].number),
                              static_cast<unsigned char>(calls - i), 0));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
  return filter;
}

int InstallFilter() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  std::vector<sock_filter> filter = Filter();
  const sock_fprog program = {static_cast<unsigned short>(filter.size()), filter.data()};
  return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

// A message of one byte, with room for a descriptor.
struct DescriptorMessage {
  char byte = 0;
  iovec data = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};

  DescriptorMessage() {
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
  }
};

void SendDescriptor(int socket, int descriptor) {
  DescriptorMessage sent;
  cmsghdr* const header = CMSG_FIRSTHDR(&sent.message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  (void)sendmsg(socket, &sent.message, 0);
}

int ReceiveDescriptor(int socket) {
  DescriptorMessage got;
  if (recvmsg(socket, &got.message, MSG_CMSG_CLOEXEC) != 1) return -1;
  const cmsghdr* const header = CMSG_FIRSTHDR(&got.message);
  if (header == nullptr) return -1;
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return descriptor;
}

[[noreturn]] void Become(const std::string& program, const std::vector<std::string>& args, const fs::path& work,
                         int socket) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
  dup2(open((work / "out").c_str(), kFlags, 0600), STDOUT_FILENO);
  dup2(open((work / "err").c_str(), kFlags, 0600), STDERR_FILENO);
  const int listener = InstallFilter();
  if (listener < 0) _exit(126);
  SendDescriptor(socket, listener);
  close(listener);
  close(socket);
  execv(argv[0], argv.data());
  _exit(127);
}

// What such a call fails with.
int ErrorOf(const std::string& call) {
  if (call == "open") return ENOENT;  // it has vanished
  if (call == "create" || call == "write") return ENOSPC;
  if (call == "mkdir" || call == "rename") return EROFS;  // remounted, as Linux does after errors
  if (call == "lock") return ENOLCK;
  if (call == "map") return EACCES;
  if (call == "unlink" || call == "chmod") return EPERM;
  return EIO;
}

bool NeedsRoom(const std::string& call) { return call == "write" || call == "create" || call == "mkdir"; }

// Looks at the calls of a program, one by one.
class Supervisor {
 public:
  Supervisor(pid_t group, int listener, const fs::path& scope, const Fault& fault, FaultyRun& run)
      : group_(group), listener_(listener), scope_(scope.string() + "/"), fault_(fault), run_(run) {}

  // Answers one call, if there is one within 20 ms. Returns whether there can be more.
  bool Serve() {
    if (fault_.kind == Fault::Kind::kSignalLater && !signalled_ &&
        std::chrono::steady_clock::now() - begin_ >= std::chrono::microseconds(fault_.at)) {
      signalled_ = true;
      kill(-group_, fault_.signal);
    }
    pollfd entry = {listener_, POLLIN, 0};
    if (poll(&entry, 1, fault_.kind == Fault::Kind::kSignalLater ? 1 : 20) <= 0) return true;
    if ((entry.revents & POLLIN) == 0) return false;  // nobody is left to ask
    seccomp_notif request = {};
    if (ioctl(listener_, SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) return true;
    seccomp_notif_resp response = {};
    response.id = request.id;
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    Decide(request, response);
    (void)ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, &response);  // fails where the caller was killed or interrupted
    return true;
  }

 private:
  void Decide(const seccomp_notif& request, seccomp_notif_resp& response) {
    const auto call = Look(request);
    if (!call) return;
    const bool here = run_.calls.size() == fault_.at;
    run_.calls.push_back(*call);
    switch (fault_.kind) {
      case Fault::Kind::kNone:
      case Fault::Kind::kSignalLater:
        return;
      case Fault::Kind::kError:
        if (here) Refuse(response, ErrorOf(call->name));
        return;
      case Fault::Kind::kInterrupted:
        if (here) Refuse(response, EINTR);
        return;
      case Fault::Kind::kFullDisk:
        if (full_ && NeedsRoom(call->name)) Refuse(response, ENOSPC);
        if (here && NeedsRoom(call->name)) {
          full_ = true;
          if (!WriteHalf(request, *call, response)) Refuse(response, ENOSPC);
        }
        return;
      case Fault::Kind::kKill:
        if (here) kill(ProcessOf(request.pid), SIGKILL);
        return;
      case Fault::Kind::kSignal:
        if (here) kill(ProcessOf(request.pid), fault_.signal);
        return;
    }
  }

  static void Refuse(seccomp_notif_resp& response, int error) {
    response.flags = 0;
    response.error = -error;
  }

  // The call, if it is one to count.
  std::optional<FileCall> Look(const seccomp_notif& request) const {
    const CallKind* const kind = KindOf(request.data.nr);
    if (kind == nullptr) return std::nullopt;
    const std::string process = "/proc/" + std::to_string(request.pid);
    std::error_code failed;
    fs::path path;
    if (kind->descriptor != kNoArgument) {
      const int descriptor = static_cast<int>(request.data.args[kind->descriptor]);
      path =
          fs::read_symlink(process + (descriptor == AT_FDCWD ? "/cwd" : "/fd/" + std::to_string(descriptor)), failed);
    } else {
      path = fs::read_symlink(process + "/cwd", failed);
    }
    if (kind->path != kNoArgument) path /= ReadText(request.pid, request.data.args[kind->path]);
    path = path.lexically_normal();
    if (path.string().rfind(scope_, 0) != 0) return std::nullopt;
    std::string name = kind->name;
    const auto flags = request.data.nr == SYS_openat ? request.data.args[2] : request.data.args[1];
    if (name == "open" && (flags & O_CREAT) != 0) name = "create";
    return FileCall{name, path};
  }

  static std::string ReadText(pid_t process, uint64_t address) {
    std::string text(4096, '\0');
    iovec to = {text.data(), text.size() - address % text.size()};  // no further than the page
    const iovec from = {reinterpret_cast<void*>(address), to.iov_len};
    ssize_t count = process_vm_readv(process, &to, 1, &from, 1, 0);
    if (count > 0 && std::memchr(text.data(), 0, static_cast<size_t>(count)) == nullptr) {
      to = {text.data() + count, text.size() - static_cast<size_t>(count)};
      const iovec rest = {reinterpret_cast<void*>(address + static_cast<uint64_t>(count)), to.iov_len};
      (void)process_vm_readv(process, &to, 1, &rest, 1, 0);
    }
    return text.c_str();
  }

  static pid_t ProcessOf(pid_t thread) {
    std::string status = reference::ReadText("/proc/" + std::to_string(thread) + "/status");
    const size_t at = status.find("\nTgid:");
    return at == std::string::npos ? thread : std::atoi(status.c_str() + at + 6);
  }

  // Writes the first half of what a write() was to write, in the program's place.
  static bool WriteHalf(const seccomp_notif& request, const FileCall& call, seccomp_notif_resp& response) {
    if (call.name != "write" || request.data.nr != SYS_write || request.data.args[2] < 2) return false;
    const int process = static_cast<int>(syscall(SYS_pidfd_open, ProcessOf(static_cast<pid_t>(request.pid)), 0));
    const int file = static_cast<int>(syscall(SYS_pidfd_getfd, process, request.data.args[0], 0));
    std::string half(request.data.args[2] / 2, '\0');
    iovec to = {half.data(), half.size()};
    const iovec from = {reinterpret_cast<void*>(request.data.args[1]), half.size()};
    const bool read =
        process_vm_readv(static_cast<pid_t>(request.pid), &to, 1, &from, 1, 0) == static_cast<ssize_t>(half.size());
    const ssize_t written = read && file >= 0 ? write(file, half.data(), half.size()) : -1;
    if (file >= 0) close(file);
    if (process >= 0) close(process);
    if (written <= 0) return false;
    response.flags = 0;
    response.val = written;
    return true;
  }

  const pid_t group_;
  const int listener_;
  const std::string scope_;
  const Fault fault_;
  FaultyRun& run_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  bool full_ = false;
  bool signalled_ = false;
};

constexpr std::chrono::minutes kPatience(2);

}  // namespace

std::string WhyNoFaults() {
#ifdef __x86_64__
  static const std::string why = [] {
    const FaultyRun run = RunWithFault("/bin/true", {}, "/nowhere", {}, fs::temp_directory_path());
    return run.status == 0 ? "" : "this system does not hand over system calls (seccomp user notification)";
  }();
  return why;
#else
  return "written for x86-64";
#endif
}

FaultyRun RunWithFault(const std::string& program, const std::vector<std::string>& args, const fs::path& scope,
                       const Fault& fault, const fs::path& work) {
  FaultyRun run;
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) throw std::runtime_error("socketpair");
  const pid_t child = fork();
  if (child == 0) Become(program, args, work, sockets[1]);
  close(sockets[1]);
  const int listener = ReceiveDescriptor(sockets[0]);
  close(sockets[0]);
  if (listener >= 0) {
    Supervisor supervisor(child, listener, scope, fault, run);
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (supervisor.Serve()) {
      siginfo_t ended = {};
      waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT);
      if (ended.si_pid == child) break;
      if (std::chrono::steady_clock::now() < end) continue;
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
      close(listener);
      return run;
    }
    close(listener);
  }
  int status = 0;
  waitpid(child, &status, 0);
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  run.out = reference::ReadText(work / "out");
  run.err = reference::ReadText(work / "err");
  return run;
}

}  // namespace dcp::faults
