#include "common/tool.h"

#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <sstream>
#include <vector>

#include "dcp/error.h"
#include "dcp/version.h"

namespace dcp::tools {
namespace {

std::atomic<bool> interrupt_flag = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void SetInterruptFlag(int) { interrupt_flag = true; }

void InstallSignalHandlers() {
  struct sigaction action = {};
  action.sa_handler = SetInterruptFlag;
  // The first signal asks, the second kills. Not SA_RESTART: a read that waits for standard input must give up.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // A reader that went away is then an ordinary write error, with its line and its exit status.
  signal(SIGPIPE, SIG_IGN);
}

int StatusOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidModel:
    case ErrorCode::kIo:
    case ErrorCode::kContextFull:
      return kExitUsage;
    case ErrorCode::kOutOfMemory:
    case ErrorCode::kInternal:
      break;
  }
  return kExitFailure;
}

void PrintLine(std::string_view tool, ToolIo& io, std::string_view message) {
  io.err << tool << ": " << OneLine(message, std::string_view::npos) << '\n' << std::flush;
}

}  // namespace

void RejectInput(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

int RunGuarded(std::string_view tool, ToolIo& io, const std::function<int()>& body) {
  io.tool = tool;
  try {
    return body();
  } catch (const Error& error) {
    PrintLine(tool, io, error.what());
    return StatusOf(error.code());
  } catch (const Interrupted&) {
    PrintLine(tool, io, "interrupted");
    return kExitInterrupted;
  } catch (const std::bad_alloc&) {
    PrintLine(tool, io, "out of memory");
  } catch (const std::filesystem::filesystem_error& error) {
    PrintLine(tool, io, error.path1().string() + ": " + error.code().message());
    return kExitUsage;
  } catch (const std::exception& error) {
    PrintLine(tool, io, std::string("unexpected error: ") + error.what());
  }
  return kExitFailure;
}

void ShowWarnings(const Warnings& warnings, ToolIo& io) {
  for (const std::string& warning : warnings) {
    if (io.warned.insert(warning).second) PrintLine(io.tool, io, "warning: " + warning);
  }
}

int RunWithOptions(const ToolText& text, std::span<const std::string> args, ToolIo& io,
                   const std::function<void(CLI::App&)>& declare, const std::function<int()>& run) {
  return RunGuarded(text.name, io, [&] {
    CLI::App app(text.about, text.name);
    app.set_version_flag("--version", std::string(text.name) + ' ' + std::string(Version()), "Print the version");
    app.footer(std::string(text.footer) +
               "Exit status: 0 done, 2 bad input or usage, 130 interrupted, 1 anything else.\n");
    declare(app);
    if (const auto status = ParseArguments(app, args, io)) return *status;
    return run();
  });
}

int RunWithSubcommands(const ToolText& text, std::span<const std::string> args, ToolIo& io,
                       std::span<const Subcommand> subcommands) {
  std::vector<const CLI::App*> apps;  // as the subcommands
  const auto declare = [&](CLI::App& app) {
    app.require_subcommand(0, 1);  // not 1: an unknown one would then go unnamed in the message
    for (const Subcommand& one : subcommands) {
      CLI::App* command = app.add_subcommand(one.text.name, one.text.about);
      apps.push_back(command);
      command->footer(one.text.footer);
      one.declare(*command);
    }
  };
  return RunWithOptions(text, args, io, declare, [&] {
    std::string names;
    for (size_t i = 0; i < apps.size(); ++i) {
      if (apps[i]->parsed()) return subcommands[i].run(io);
      names += (i > 0 ? ", " : "") + apps[i]->get_name();
    }
    RejectInput("a subcommand is required: " + names + " (see --help)");
  });
}

std::optional<int> ParseArguments(CLI::App& app, std::span<const std::string> args, ToolIo& io) {
  std::vector<std::string> reversed(args.rbegin(), args.rend());  // as App::parse wants them
  try {
    app.parse(std::move(reversed));
    return std::nullopt;
  } catch (const CLI::Success& help_or_version) {
    std::ostringstream text;
    app.exit(help_or_version, text, text);
    WriteOut(io, text.str());
    return kExitDone;
  } catch (const CLI::ParseError& error) {
    RejectInput(std::string(error.what()) + " (see --help)");
  }
}

void WriteOut(ToolIo& io, std::string_view text) {
  errno = 0;
  io.out.write(text.data(), static_cast<std::streamsize>(text.size()));
  io.out.flush();
  if (io.out) return;
  if (errno == EINTR && io.interrupted) throw Interrupted{};  // nobody reads what is in the pipe
  const std::string reason = errno != 0 ? std::strerror(errno) : "cannot be written";
  throw Error(ErrorCode::kIo, "standard output: " + reason);
}

int ToolMain(int argc, char** argv, int (*run)(std::span<const std::string> args, ToolIo& io)) {
  InstallSignalHandlers();
  const std::vector<std::string> args(argv + std::min(argc, 1), argv + argc);
  ToolIo io{std::cin, std::cout, std::cerr, interrupt_flag, isatty(STDERR_FILENO) == 1, isatty(STDOUT_FILENO) == 1};
  return run(args, io);
}

}  // namespace dcp::tools
