#include "tests/faults/command_faults.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <regex>
#include <sstream>

#include "tests/reference/checkpoint_maker.h"

namespace dcp::faults {
namespace {

namespace fs = std::filesystem;

size_t StrideOf(const Command& command) {
  const char* const given = std::getenv("DCP_FAULT_STRIDE");
  return given == nullptr ? command.stride : std::max<size_t>(1, std::strtoul(given, nullptr, 10));
}

// Signals to a process group, over the time that the command takes.
constexpr size_t kMoments = 50;

// Whether such a call can be disturbed so.
bool IsMeaningful(Fault::Kind kind, const std::string& call) {
  if (kind == Fault::Kind::kFullDisk) return call == "write" || call == "create" || call == "mkdir";
  if (kind == Fault::Kind::kInterrupted) return call == "write" || call == "fsync";
  return kind != Fault::Kind::kSignal || call != "map";  // which no signal interrupts
}

// "model.safetensors.AbC123" is "model.safetensors" on its way.
std::string FinalName(const std::string& name) {
  static const std::regex kTemporary(R"((.*)\.[A-Za-z0-9]{6})");
  std::smatch match;
  return std::regex_match(name, match, kTemporary) ? match[1].str() : name;
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string EssenceOf(const Command& command, const std::string& name, const std::string& text) {
  if (Contains(command.volatiles, name)) return "";
  return command.essence ? command.essence(name, text) : text;
}

bool IsVisible(const Command& command, const std::string& name) {
  return std::none_of(command.volatiles.begin(), command.volatiles.end(),
                      [&](const std::string& prefix) { return prefix.ends_with("/") && name.rfind(prefix, 0) == 0; });
}

Files Essence(const Command& command, const Files& files) {
  Files essence;
  for (const auto& [name, text] : files) {
    if (IsVisible(command, name)) essence[name] = EssenceOf(command, name, text);
  }
  return essence;
}

}  // namespace

Files FilesIn(const fs::path& directory) {
  Files files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory)) {
    const std::string name = entry.path().lexically_relative(directory).string();
    if (entry.is_regular_file()) files[name] = reference::ReadText(entry.path());
    if (entry.is_directory() && fs::is_empty(entry.path())) files[name + "/"] = "";
  }
  return files;
}

CommandFaults::CommandFaults(fs::path root, Files earlier) : root_(std::move(root)), earlier_(std::move(earlier)) {
  fs::create_directories(root_ / "work");
}

void CommandFaults::Reset() const {
  fs::remove_all(root_ / "scope/out");
  fs::create_directories(root_ / "scope/out");
  for (const auto& [name, text] : earlier_) {
    fs::create_directories(fs::path(Out(name)).parent_path());
    reference::WriteText(Out(name), text);
  }
}

FaultyRun CommandFaults::Run(const Command& command, const std::vector<std::string>& args, const Fault& fault) const {
  const fs::path program = fs::path(DCP_BINARY_DIR) / command.program;
  return RunWithFault(program.string(), args, root_ / "scope", fault, root_ / "work");
}

void CommandFaults::Sweep(const Command& command, Fault::Kind kind, int signal) {
  Reset();
  const auto begin = std::chrono::steady_clock::now();
  const FaultyRun whole = Run(command, command.args, {});
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
  ASSERT_EQ(whole.status, 0) << whole.err;
  result_ = FilesIn(root_ / "scope/out");
  said_ = whole.err;
  size_t disturbed = 0;
  const auto disturb = [&](size_t at, const std::string& where) {
    SCOPED_TRACE(command.program + " disturbed at " + where);
    Reset();
    const Fault fault = {kind, at, signal};
    Check(command, fault, Run(command, command.args, fault));
    ++disturbed;
  };
  if (kind == Fault::Kind::kSignalLater) {
    const size_t moments = kMoments / StrideOf(command) + 1, all = static_cast<size_t>(took.count());
    for (size_t i = 0; i < moments; ++i) disturb(all * i / moments, std::to_string(all * i / moments) + " us");
  } else {
    for (size_t at = 0; at < whole.calls.size(); at += StrideOf(command)) {
      const FileCall& call = whole.calls[at];
      if (IsMeaningful(kind, call.name)) {
        disturb(at, "call " + std::to_string(at) + ": " + call.name + " " + call.path.string());
      }
    }
  }
  std::cout << command.program << ": disturbed " << disturbed << " times, " << whole.calls.size() << " calls\n";
}

void CommandFaults::Check(const Command& command, const Fault& fault, const FaultyRun& run) {
  CheckStatus(command, fault, run);
  CheckFiles(command, fault, run);
  CheckNextRun(command);
}

void CommandFaults::CheckStatus(const Command& command, const Fault& fault, const FaultyRun& run) const {
  ASSERT_NE(run.status, -1) << "it did not end";
  if (fault.kind == Fault::Kind::kKill) {
    EXPECT_EQ(run.status, 128 + SIGKILL) << run.err;
    return;
  }
  if (run.status == 0) return;  // what could be done without
  if (fault.kind == Fault::Kind::kSignal || fault.kind == Fault::Kind::kSignalLater) {
    // A signal before main() has taken it over ends the process as signals do.
    EXPECT_TRUE(run.status == 130 || run.status == 128 + fault.signal) << run.status << ": " << run.err;
    return;
  }
  EXPECT_NE(fault.kind, Fault::Kind::kInterrupted) << "it was not tried again: " << run.err;
  EXPECT_EQ(run.status, 2) << run.err;
  std::string named;
  size_t errors = 0;
  std::istringstream lines(run.err);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(command.program + ": ", 0) != 0 || line.find(": warning: ") != std::string::npos) continue;
    if (said_.find(line + "\n") != std::string::npos) continue;  // how far it has come
    named = line;
    ++errors;
  }
  const FileCall& call = run.calls.at(fault.at);
  EXPECT_EQ(errors, 1u) << run.err;
  const std::string file = FinalName(call.path.filename().string());
  const std::string folder = FinalName(call.path.parent_path().filename().string());
  EXPECT_TRUE(named.find(file) != std::string::npos || named.find(folder) != std::string::npos)
      << "names no " << file << ": " << run.err;
}

void CommandFaults::CheckFiles(const Command& command, const Fault& fault, const FaultyRun& run) const {
  const Files files = FilesIn(root_ / "scope/out");
  for (const auto& [name, text] : files) {
    if (!IsVisible(command, name)) continue;
    const std::string final_name = FinalName(fs::path(name).filename().string());
    const std::string top = *fs::path(name).begin();
    const bool is_temporary = final_name != fs::path(name).filename().string() || FinalName(top) != top;
    if (fault.kind == Fault::Kind::kKill && is_temporary) continue;
    const auto before = earlier_.find(name), after = result_.find(name);
    if (before != earlier_.end() && before->second == text) continue;
    if (name.ends_with("/")) continue;
    if (after == result_.end()) {
      ADD_FAILURE() << name << " is left over, after status " << run.status << ": " << run.err;
      continue;
    }
    const std::string got = EssenceOf(command, name, text), whole = EssenceOf(command, name, after->second);
    if (got == whole) continue;
    if (Contains(command.between, name) && text.size() == after->second.size()) continue;
    if (run.status == 130 && Contains(command.shortened, name)) continue;
    const bool grown = Contains(command.grown, name) && whole.rfind(got, 0) == 0;
    const bool lines = text.empty() || text.back() == '\n' || fault.kind == Fault::Kind::kKill;
    EXPECT_TRUE(grown && lines) << name << " is neither what it was nor what it was to be, after status " << run.status
                                << ": " << run.err << got.size() << " of " << whole.size() << " bytes";
  }
  for (const auto& [name, text] : earlier_) {
    EXPECT_TRUE(files.contains(name) || !result_.contains(name)) << name << " is lost";
  }
  if (run.status != 0) return;
  EXPECT_EQ(Essence(command, files), Essence(command, result_)) << "done, they say";
}

void CommandFaults::CheckNextRun(const Command& command) const {
  const FaultyRun next = Run(command, command.again.empty() ? command.args : command.again, {});
  EXPECT_EQ(next.status, 0) << "the next run: " << next.err;
  Files files = FilesIn(root_ / "scope/out");
  std::erase_if(files, [&](const auto& entry) {  // what a killed run has left
    const std::string top = *fs::path(entry.first).begin(), file = fs::path(entry.first).filename().string();
    return !result_.contains(entry.first) && (FinalName(top) != top || FinalName(file) != file);
  });
  EXPECT_EQ(Essence(command, files), Essence(command, result_)) << "the next run gave something else";
}

}  // namespace dcp::faults
