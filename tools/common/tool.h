// What every tool shares: its streams, its exit statuses, how errors become one line, how arguments are parsed.
//
// A tool is `int Run(std::span<const std::string> args, ToolIo& io)`, which tests call with string streams, and a main
// of one line (ToolMain).
#ifndef DCP_TOOLS_COMMON_TOOL_H_
#define DCP_TOOLS_COMMON_TOOL_H_

#include <atomic>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "dcp/warnings.h"
#include "support/escape.h"  // OneLine, for what is shown

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace dcp::tools {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailure = 1;  // a bug, memory that ran out
inline constexpr int kExitUsage = 2;    // bad input, bad usage, output that cannot be written
inline constexpr int kExitInterrupted = 130;

// The world of a tool. `interrupted` is set by Ctrl-C (or by a test); long work looks at it between its steps.
struct ToolIo {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  const std::atomic<bool>& interrupted;
  bool err_is_terminal = false;
  bool out_is_terminal = false;
  std::string_view tool = {};         // its name, from RunGuarded on
  std::set<std::string> warned = {};  // what ShowWarnings has shown
};

// Throws dcp::Error(kInvalidArgument): bad input or usage.
[[noreturn]] void RejectInput(const std::string& message);

// Thrown where there is nothing to show for the work so far; ends the tool with kExitInterrupted.
struct Interrupted {};

// Runs `body` and returns its exit status. Whatever it throws becomes one line "tool: message" on io.err, and a status:
// dcp::Error by its code, what <filesystem> throws as a file that cannot be read or written, everything else
// kExitFailure.
int RunGuarded(std::string_view tool, ToolIo& io, const std::function<int()>& body);

// Writes "tool: warning: ..." on io.err, a line each; what was shown before is not shown again, so that a tool that
// loads a model or a tokenizer twice says once what is odd about it.
void ShowWarnings(const Warnings& warnings, ToolIo& io);

// What --help says about a tool.
struct ToolText {
  const char* name;
  const char* about;
  const char* footer;  // examples and notes; the exit statuses follow
};

// The whole of a tool, guarded: `declare` adds its options, and `run` runs it once they are parsed.
int RunWithOptions(const ToolText& text, std::span<const std::string> args, ToolIo& io,
                   const std::function<void(CLI::App&)>& declare, const std::function<int()>& run);

// One of a tool's subcommands.
struct Subcommand {
  ToolText text;
  std::function<void(CLI::App&)> declare;
  std::function<int(ToolIo&)> run;
};

// A subcommand of options, of what declares them, and of what does the work they ask for.
template <typename Options>
Subcommand MakeSubcommand(const ToolText& text, void (*declare)(CLI::App&, Options&),
                          int (*run)(const Options&, ToolIo&)) {
  const auto options = std::make_shared<Options>();
  return {text, [=](CLI::App& app) { declare(app, *options); }, [=](ToolIo& io) { return run(*options, io); }};
}

// The whole of a tool that does one of several things; which one is the first argument.
int RunWithSubcommands(const ToolText& text, std::span<const std::string> args, ToolIo& io,
                       std::span<const Subcommand> subcommands);

// Parses `args` (without the program's name). Returns the exit status when nothing is left to do (--help and --version
// were printed); throws dcp::Error(kInvalidArgument) for wrong usage.
std::optional<int> ParseArguments(CLI::App& app, std::span<const std::string> args, ToolIo& io);

// Writes and flushes. Throws dcp::Error(kIo) with the system's reason when standard output cannot be written.
void WriteOut(ToolIo& io, std::string_view text);

// Runs a tool on the process's own streams, with Ctrl-C (and SIGTERM) turned into ToolIo::interrupted. A second Ctrl-C
// ends the process at once.
int ToolMain(int argc, char** argv, int (*run)(std::span<const std::string> args, ToolIo& io));

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_TOOL_H_
