// The command line of dcp-eval sweep.
#ifndef DCP_TOOLS_DCP_EVAL_SWEEP_COMMAND_H_
#define DCP_TOOLS_DCP_EVAL_SWEEP_COMMAND_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "common/tool.h"
#include "dcp-eval/sweep/sweep.h"

namespace dcp::tools {

class SweepCommand {
 public:
  // Adds the subcommand; `app` must not parse once this object is gone.
  explicit SweepCommand(CLI::App& app);

  // Runs it if it was asked for; nothing otherwise. Throws dcp::Error.
  std::optional<int> Run(ToolIo& io) const;

 private:
  void AddModels();
  void AddRows();
  void AddOutput();

  CLI::App* command_;
  SweepOptions options_;
  // Lists as they were given.
  std::string thresholds_ = "0";
  std::string budgets_;
  std::string baselines_ = "window,sinks,strided,h2o";
  std::string baseline_model_ = "control";
  bool no_match_ = false;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SWEEP_COMMAND_H_
