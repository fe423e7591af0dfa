// Runs a program whose calls about files fail, fall short or are its last ones, at a place of the test's choice.
//
// Linux hands the calls to the test before they are made (seccomp's user notification), whoever makes them: the
// program, the C library's buffers, torch. What the test does not touch goes on as if nobody had looked.
#ifndef DCP_TESTS_FAULTS_FAULT_INJECTOR_H_
#define DCP_TESTS_FAULTS_FAULT_INJECTOR_H_

#include <filesystem>
#include <string>
#include <vector>

namespace dcp::faults {

struct Fault {
  enum class Kind {
    kNone,
    kError,        // the call fails as such calls do: a full disk, a file that has gone, a disk that cannot be read
    kInterrupted,  // the call fails once with EINTR; only of writes and what else is tried again
    kFullDisk,     // a write takes half of its bytes; it and all that need room after it find the disk full
    kKill,         // SIGKILL before the call
    kSignalLater,  // `signal` to the program's process group after `at` microseconds
    kSignal,       // `signal` to the process before the call, which is then made or interrupted, as it happens
  };
  Kind kind = Kind::kNone;
  size_t at = 0;  // the call, counted from 0; or a time
  int signal = 0;
};

struct FileCall {
  std::string name;            // "open", "create", "write", "fsync", "rename", ..
  std::filesystem::path path;  // of rename, the new name
};

struct FaultyRun {
  int status = -1;  // as a shell gives it; -1: it did not end in two minutes
  std::string out, err;
  std::vector<FileCall> calls;  // that were counted: those about files below the scope
};

// Why programs cannot be run so here; "" where they can.
std::string WhyNoFaults();

// `work`: a directory for the program's standard output and error, outside of `scope`.
FaultyRun RunWithFault(const std::string& program, const std::vector<std::string>& args,
                       const std::filesystem::path& scope, const Fault& fault, const std::filesystem::path& work);

}  // namespace dcp::faults

#endif  // DCP_TESTS_FAULTS_FAULT_INJECTOR_H_
