#include "dcp-eval/task/commands.h"

namespace dcp::tools {
namespace {

constexpr char kTaskFooter[] =
    "Scored as lm-evaluation-harness does: acc_norm divides log-likelihoods by the length of the choice in code "
    "points,\n"
    "acc_bytes in UTF-8 bytes; acc of lambada means that every token of the last word is the most likely one; its\n"
    "perplexity is exp of the mean NLL of the last word. Contexts longer than the model's positions are cut on the "
    "left.\n"
    "Standard errors are sample deviation / sqrt(n), that of the perplexity by the delta method.\n"
    "\n"
    "Examples:\n"
    "  dcp-eval task --task lambada --data lambada_test.jsonl --model models/books --policy dense --json\n"
    "  dcp-eval task --task piqa --data valid.jsonl --labels valid-labels.lst --model models/books\n";

CLI::App* AddTask(CLI::App& app, TaskOptions& options) {
  CLI::App* command =
      app.add_subcommand("task", "zero-shot accuracy on LAMBADA, HellaSwag, PIQA, WinoGrande and cloze files");
  constexpr char kTask[] = "Task";
  command->add_option("--task", options.task, "lambada, hellaswag, piqa, winogrande or cloze")
      ->required()
      ->type_name("NAME")
      ->group(kTask);
  command->add_option("--data", options.data, "The examples, in the data set's own format; - is stdin")
      ->required()
      ->type_name("FILE")
      ->group(kTask);
  command->add_option("--labels", options.labels, "piqa: the right answers, 0 or 1 a line; default: field \"label\"")
      ->type_name("FILE")
      ->group(kTask);
  command->add_option("--limit", options.limit, "Only the first N examples; default: 0, all")
      ->type_name("N")
      ->group(kTask);
  command->add_option("--batch", options.batch, "Contexts that run together; changes speed and memory only; default: 8")
      ->type_name("N")
      ->group(kTask);
  AddModelOptions(*command, options.model);
  constexpr char kOutput[] = "Output";
  command->add_flag("--json", options.json, "One JSON document instead of a table")->group(kOutput);
  command
      ->add_option("--per-example", options.per_example_file,
                   "Write the NLL of every choice of every example, as a JSON array")
      ->type_name("FILE")
      ->group(kOutput);
  command->footer(kTaskFooter);
  return command;
}

CLI::App* AddMakeTask(CLI::App& app, MakeTaskOptions& options) {
  CLI::App* command = app.add_subcommand("make-task", "make a last-word or a cloze file for `task` from books");
  command
      ->add_option("--kind", options.kind,
                   "lastword (for --task lambada): texts whose last word was said before; cloze (for --task cloze): "
                   "which of four sentences of the book comes next")
      ->required()
      ->type_name("KIND");
  AddRepeatable(*command, "--text", options.texts, "A book, or a folder of .txt files; may be repeated", "PATH")
      ->required();
  command->add_option("--out", options.out, "The file to write, JSON lines")->required()->type_name("FILE");
  command->add_option("--count", options.count, "Examples; default: 200")->type_name("N");
  command->add_option("--words", options.words, "Words of a context, at most; default: 600 for lastword, 120 for cloze")
      ->type_name("N");
  command
      ->add_option("--min-distance", options.min_distance,
                   "lastword: words between the last word and where it was said before, at least; default: 50")
      ->type_name("N");
  command->add_option("--seed", options.seed, "Which examples are made; default: 0")->type_name("N");
  command->footer("Example:\n  dcp-eval make-task --kind cloze --text books/ --out cloze.jsonl --count 200 --seed 1\n");
  return command;
}

}  // namespace

TaskCommands::TaskCommands(CLI::App& app)
    : task_(AddTask(app, task_options_)), make_task_(AddMakeTask(app, make_task_options_)), recall_(app) {}

std::optional<int> TaskCommands::Run(ToolIo& io) const {
  if (task_->parsed()) return RunTask(task_options_, io);
  if (make_task_->parsed()) return RunMakeTask(make_task_options_, io);
  return recall_.Run(io);
}

}  // namespace dcp::tools
