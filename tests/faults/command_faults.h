// One command, disturbed at each of its calls about files in turn.
#ifndef DCP_TESTS_FAULTS_COMMAND_FAULTS_H_
#define DCP_TESTS_FAULTS_COMMAND_FAULTS_H_

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/faults/fault_injector.h"

namespace dcp::faults {

using Files = std::map<std::string, std::string>;  // names below a directory, and what is in them

struct Command {
  std::string program;  // of the build
  std::vector<std::string> args = {};
  std::vector<std::string> again = {};  // what goes on after a disturbed run; empty: the same
  // Names of files that are written in place, line after line: after a failure they hold whole lines of the result,
  // after a kill any beginning of it.
  std::vector<std::string> grown = {};
  // What a file comes to but for times; as it is where empty.
  std::function<std::string(const std::string& name, const std::string& text)> essence = {};
  // Not compared, only there or not: times that were measured. "name/": a directory that is passed over.
  std::vector<std::string> volatiles = {};
  // Files that the command writes several times: between the first and the last they may be anything that it wrote.
  std::vector<std::string> between = {};
  // Files that tell after Ctrl-C what was done until then.
  std::vector<std::string> shortened = {};
  // How many calls are passed over after one that was disturbed where DCP_FAULT_STRIDE says nothing, so that the tests
  // take seconds. A prime: calls repeat in patterns.
  size_t stride = 5;
};

// A directory with what commands read ("in") and the one that they write to ("out"), made anew before each run.
class CommandFaults {
 public:
  // `input` is below `root`; `earlier`: what is in "out" before the command.
  CommandFaults(std::filesystem::path root, Files earlier);

  std::string Out(const std::string& name) const { return (root_ / "scope/out" / name).string(); }

  // Runs the command undisturbed, then with a fault of `kind` at each call, or at every n-th (DCP_FAULT_STRIDE=1:
  // each). After each run: the exit status and the one line that are documented; no file under a final name that is
  // neither what it was nor what it was to be; nothing else left; and that the next run does what the undisturbed one
  // did.
  void Sweep(const Command& command, Fault::Kind kind, int signal = 0);

 private:
  void Reset() const;
  FaultyRun Run(const Command& command, const std::vector<std::string>& args, const Fault& fault) const;
  void Check(const Command& command, const Fault& fault, const FaultyRun& run);
  void CheckStatus(const Command& command, const Fault& fault, const FaultyRun& run) const;
  void CheckFiles(const Command& command, const Fault& fault, const FaultyRun& run) const;
  void CheckNextRun(const Command& command) const;

  std::filesystem::path root_;
  Files earlier_;
  Files result_;      // of the undisturbed command
  std::string said_;  // by the undisturbed run
};

// The files of a directory and of those in it.
Files FilesIn(const std::filesystem::path& directory);

}  // namespace dcp::faults

#endif  // DCP_TESTS_FAULTS_COMMAND_FAULTS_H_
