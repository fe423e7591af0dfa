// Runs whole tools on string streams, and makes what they need.
#ifndef DCP_TESTS_TOOLS_TOOL_RUNNER_H_
#define DCP_TESTS_TOOLS_TOOL_RUNNER_H_

#include <atomic>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/json.h"
#include "common/tool.h"
#include "dcp/model_config.h"

namespace dcp::tools {

using Args = std::vector<std::string>;

struct ToolRun {
  int status = -1;
  std::string out;
  std::string err;

  Json json() const { return Json::parse(out); }
  size_t err_lines() const;
};

struct World {
  std::string in = {};
  bool interrupted = false;                 // from the start
  std::optional<size_t> interrupt_at = {};  // Ctrl-C once that many bytes of output were written
  bool interrupt_at_warning = false;        // Ctrl-C at the first word on stderr
  std::optional<size_t> out_capacity = {};  // bytes that standard output takes before it fails
  bool err_is_terminal = false;
  bool out_is_terminal = false;
};

ToolRun RunTool(int (*tool)(std::span<const std::string>, ToolIo&), const Args& args, const World& world = {});

// The common case, which has to end well.
ToolRun Generate(const Args& args, const World& world = {});
ToolRun Eval(const Args& args, const World& world = {});
ToolRun Inspect(const Args& args, const World& world = {});

// Expects exit status 2, nothing on standard output and one line on stderr that begins with the tool's name and holds
// every one of `words`.
void ExpectRefused(const ToolRun& run, const std::string& tool, const std::vector<std::string>& words);

// A directory of the running test, removed with it.
class TempDir {
 public:
  TempDir();
  ~TempDir();

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

  // Names of what is in it, sorted.
  std::vector<std::string> Files() const;

 private:
  std::filesystem::path path_;
};

// A random model whose tokens are the 256 bytes (id = byte) and <|endoftext|> (id 256), with its tokenizer files.
// Its text is noise, and rarely UTF-8.
ModelConfig ByteModelConfig(int positions = 96, int int_n_embd = 4);
std::string MakeByteModel(const TempDir& dir, const std::string& name = "model",
                          const ModelConfig& config = ByteModelConfig());

// vocab.json of the first `tokens` of those, and merges.txt without merges.
void WriteByteTokenizer(const std::filesystem::path& directory, int tokens = 257);

// Letters a to z, drawn by `state`.
std::string Letters(size_t length, uint32_t state = 1);

// "1,2,3"
std::string Join(std::span<const TokenId> ids);

}  // namespace dcp::tools

#endif  // DCP_TESTS_TOOLS_TOOL_RUNNER_H_
