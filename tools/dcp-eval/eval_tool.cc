#include "dcp-eval/eval_tool.h"

#include "dcp-eval/perplexity/perplexity.h"
#include "dcp-eval/sweep/command.h"
#include "dcp-eval/task/commands.h"
#include "dcp/error.h"
#include "dcp/version.h"

namespace dcp::tools {
namespace {

constexpr char kName[] = "dcp-eval";
constexpr char kExamples[] =
    "Examples:\n"
    "  dcp-eval perplexity --model models/books --text books/ --json\n"
    "  dcp-eval perplexity --model models/books --text a.txt --policy window:64 --context 256 --stride 128\n"
    "  dcp-eval perplexity --model models/books --ids ids.json --per-token nll.json\n"
    "\n"
    "Exit status: 0 done, 2 bad input or usage, 130 interrupted, 1 anything else.\n";

void AddPerplexity(CLI::App& app, PerplexityOptions& options) {
  CLI::App* command = app.add_subcommand(
      "perplexity", "exp of the mean negative log-likelihood per token, over sliding windows of the texts");
  AddTextOptions(*command, options.text);
  AddModelOptions(*command, options.model);
  constexpr char kOutput[] = "Output";
  command->add_flag("--json", options.json, "One JSON document instead of a table")->group(kOutput);
  command->add_option("--per-token", options.per_token_file, "Write the NLL of each scored token, as a JSON array")
      ->type_name("FILE")
      ->group(kOutput);
  command->footer(kExamples);
}

}  // namespace

int EvalMain(std::span<const std::string> args, ToolIo& io) {
  return RunGuarded(kName, io, [&] {
    PerplexityOptions perplexity;
    CLI::App app("Measures what a model with context pruning predicts, and what it costs.", kName);
    app.set_version_flag("--version", std::string(kName) + ' ' + std::string(Version()), "Print the version");
    app.footer(kExamples);
    app.require_subcommand(0, 1);  // not 1: an unknown one would then go unnamed in the message
    AddPerplexity(app, perplexity);
    SweepCommand sweep(app);
    const TaskCommands tasks(app);
    if (const auto status = ParseArguments(app, args, io)) return *status;
    if (app.get_subcommands().empty()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "a subcommand is required: perplexity, sweep, task, make-task, recall (see --help)");
    }
    if (const auto status = tasks.Run(io)) return *status;
    if (const auto status = sweep.Run(io)) return *status;
    return RunPerplexity(perplexity, io);
  });
}

}  // namespace dcp::tools
