// The command line of dcp-eval recall.
#ifndef DCP_TOOLS_DCP_EVAL_RECALL_COMMAND_H_
#define DCP_TOOLS_DCP_EVAL_RECALL_COMMAND_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "common/tool.h"
#include "dcp-eval/recall/recall.h"

namespace dcp::tools {

class RecallCommand {
 public:
  // Adds the subcommand; `app` must not parse once this object is gone.
  explicit RecallCommand(CLI::App& app);

  // Runs it, if it was asked for. Throws dcp::Error.
  std::optional<int> Run(ToolIo& io) const;

 private:
  void AddModels();
  void AddTrials();

  CLI::App* command_;
  RecallOptions options_;
  std::string kind_ = "both";
  std::string distances_;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_RECALL_COMMAND_H_
