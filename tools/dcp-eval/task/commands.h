// The command lines of dcp-eval's subcommands task, make-task and recall.
#ifndef DCP_TOOLS_DCP_EVAL_TASK_COMMANDS_H_
#define DCP_TOOLS_DCP_EVAL_TASK_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <optional>

#include "common/tool.h"
#include "dcp-eval/recall/command.h"
#include "dcp-eval/task/make_task.h"
#include "dcp-eval/task/task.h"

namespace dcp::tools {

class TaskCommands {
 public:
  // Adds the subcommands; `app` must not parse once this object is gone.
  explicit TaskCommands(CLI::App& app);

  // Runs the one that was asked for; nothing when it was another.
  std::optional<int> Run(ToolIo& io) const;

 private:
  TaskOptions task_options_;
  MakeTaskOptions make_task_options_;
  const CLI::App* task_;
  const CLI::App* make_task_;
  RecallCommand recall_;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_TASK_COMMANDS_H_
