#include "dcp-eval/eval_tool.h"

#include <array>

#include "dcp-eval/subcommands.h"

namespace dcp::tools {
namespace {

constexpr ToolText kText = {"dcp-eval", "Measures what a model with context pruning predicts, and what it costs.",
                            "dcp-eval SUBCOMMAND --help tells its options, with more examples.\n\n"
                            "Examples:\n"
                            "  dcp-eval perplexity --model models/books --text books/ --json\n"
                            "  dcp-eval sweep --manifest models/manifest.json --text books/ --plot sweep.svg\n"
                            "  dcp-eval task --model gpt2 --task lambada --data lambada_test.jsonl\n\n"};

}  // namespace

int EvalMain(std::span<const std::string> args, ToolIo& io) {
  const std::array subcommands = {PerplexityCommand(), SweepCommand(), TaskCommand(), MakeTaskCommand(),
                                  RecallCommand()};
  return RunWithSubcommands(kText, args, io, subcommands);
}

}  // namespace dcp::tools
