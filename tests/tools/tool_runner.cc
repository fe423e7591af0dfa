#include "tests/tools/tool_runner.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>

#include "dcp-eval/eval_tool.h"
#include "dcp-generate/generate_tool.h"
#include "dcp-inspect/inspect_tool.h"
#include "tests/reference/checkpoint_maker.h"
#include "text/byte_alphabet.h"

namespace dcp::tools {
namespace {

// Collects what is written; can press Ctrl-C, and can be a disk that fills up.
class WorldBuffer : public std::stringbuf {
 public:
  WorldBuffer(std::optional<size_t> interrupt_at, std::optional<size_t> capacity, std::atomic<bool>& interrupted)
      : interrupt_at_(interrupt_at), capacity_(capacity), interrupted_(interrupted) {}

 protected:
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    written_ += static_cast<size_t>(size);
    if (capacity_ && written_ > *capacity_) {
      errno = ENOSPC;
      return 0;
    }
    if (interrupt_at_ && written_ >= *interrupt_at_) interrupted_ = true;
    return std::stringbuf::xsputn(text, size);
  }

 private:
  const std::optional<size_t> interrupt_at_;
  const std::optional<size_t> capacity_;
  std::atomic<bool>& interrupted_;
  size_t written_ = 0;
};

}  // namespace

size_t ToolRun::err_lines() const { return static_cast<size_t>(std::count(err.begin(), err.end(), '\n')); }

ToolRun RunTool(int (*tool)(std::span<const std::string>, ToolIo&), const Args& args, const World& world) {
  std::atomic<bool> interrupted = world.interrupted;
  std::istringstream in(world.in);
  WorldBuffer out_buffer(world.interrupt_at, world.out_capacity, interrupted);
  WorldBuffer err_buffer(world.interrupt_at_warning ? std::optional<size_t>(1) : std::nullopt, {}, interrupted);
  std::ostream out(&out_buffer), err(&err_buffer);
  ToolIo io{in, out, err, interrupted, world.err_is_terminal, world.out_is_terminal};
  ToolRun run;
  run.status = tool(args, io);
  run.out = out_buffer.str();
  run.err = err_buffer.str();
  return run;
}

ToolRun Generate(const Args& args, const World& world) {
  ToolRun run = RunTool(GenerateMain, args, world);
  EXPECT_EQ(run.status, kExitDone) << run.err;
  return run;
}

ToolRun Eval(const Args& args, const World& world) {
  ToolRun run = RunTool(EvalMain, args, world);
  EXPECT_EQ(run.status, kExitDone) << run.err;
  return run;
}

ToolRun Inspect(const Args& args, const World& world) {
  ToolRun run = RunTool(InspectMain, args, world);
  EXPECT_EQ(run.status, kExitDone) << run.err;
  return run;
}

void ExpectRefused(const ToolRun& run, const std::string& tool, const std::vector<std::string>& words) {
  EXPECT_EQ(run.status, kExitUsage);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err_lines(), 1u) << run.err;
  EXPECT_EQ(run.err.substr(0, tool.size() + 2), tool + ": ");
  for (const std::string& word : words) EXPECT_NE(run.err.find(word), std::string::npos) << run.err << "lacks " << word;
}

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "dcp-tools-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<std::string> TempDir::Files() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

ModelConfig ByteModelConfig(int positions, int int_n_embd) {
  return reference::SmallConfig(/*layers=*/2, /*heads=*/2, /*head_dim=*/8, int_n_embd, /*vocabulary=*/257, positions);
}

std::string MakeByteModel(const TempDir& dir, const std::string& name, const ModelConfig& config) {
  const std::filesystem::path path = dir.path() / name;
  reference::MakeCheckpoint(path, config);
  WriteByteTokenizer(path);
  return path.string();
}

void WriteByteTokenizer(const std::filesystem::path& directory, int tokens) {
  Json vocabulary;
  for (int id = 0; id < tokens; ++id) {
    vocabulary[id < 256    ? NameOfByte(static_cast<uint8_t>(id))
               : id == 256 ? "<|endoftext|>"
                           : "extra" + std::to_string(id)] = id;
  }
  reference::WriteText(directory / "vocab.json", vocabulary.dump());
  reference::WriteText(directory / "merges.txt", "#version: 0.2\n");
}

std::string Letters(size_t length, uint32_t state) {
  std::string text;
  while (text.size() < length) {
    state = state * 1664525 + 1013904223;
    text += static_cast<char>('a' + (state >> 24) % 26);
  }
  return text;
}

std::string Join(std::span<const TokenId> ids) {
  std::string list;
  for (const TokenId id : ids) list += (list.empty() ? "" : ",") + std::to_string(id);
  return list;
}

}  // namespace dcp::tools
