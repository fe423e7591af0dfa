#include "dcp-eval/eval_tool.h"

#include <array>

#include "dcp-eval/subcommands.h"

namespace dcp::tools {
namespace {

constexpr ToolText kText = {"dcp-eval", "Measures what a model with context pruning predicts, and what it costs.",
                            "dcp-eval SUBCOMMAND --help tells its options, with examples.\n\n"};

}  // namespace

int EvalMain(std::span<const std::string> args, ToolIo& io) {
  const std::array subcommands = {PerplexityCommand(), SweepCommand(), TaskCommand(), MakeTaskCommand(),
                                  RecallCommand()};
  return RunWithSubcommands(kText, args, io, subcommands);
}

}  // namespace dcp::tools
