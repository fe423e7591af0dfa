#include <CLI/CLI.hpp>
#include <string>

#include "dcp-inspect/inspect_tool.h"
#include "dcp/error.h"
#include "dcp/version.h"

namespace dcp::tools {
namespace {

constexpr char kName[] = "dcp-inspect";
constexpr char kExamples[] =
    "Examples:\n"
    "  dcp-inspect --model models/books --text book.txt --max-tokens 400\n"
    "  dcp-inspect --model models/books --prompt \"The old man\" --generate 400 --html forgets.html\n"
    "  dcp-inspect --model models/books --text book.txt --max-tokens 200 --html forgets.html --json forgets.json\n"
    "  dcp-generate --model DIR --prompt A --trace trace.json; dcp-inspect --trace trace.json --html forgets.html\n"
    "  dcp-inspect --model models/books --text books/ --stats --windows 200 --html stats.html\n"
    "\n"
    "Without --html, --svg and --json the text itself goes to standard output, faded where layers dropped it; with\n"
    "--stats a table.\n"
    "Exit status: 0 done, 2 bad input or usage, 130 interrupted, 1 anything else.\n";

void AddSourceOptions(CLI::App& app, InspectSource& source) {
  constexpr char kGroup[] = "Text (one kind)";
  app.add_option("--prompt", source.prompt, "The text that the model reads")->type_name("TEXT")->group(kGroup);
  AddRepeatable(app, "--text", source.texts,
                "A file with that text; - is stdin. With --stats also a folder of .txt files, and several", "PATH")
      ->group(kGroup);
  app.add_option("--prompt-ids", source.prompt_ids, "The text as token ids: 1,2,3")->type_name("IDS")->group(kGroup);
  app.add_option("--trace", source.trace_file,
                 "What dcp-generate --trace wrote; needs no model, but --model tells the bytes of tokens that are not "
                 "whole characters")
      ->type_name("FILE")
      ->group(kGroup);
  app.add_option("--sequence", source.sequence, "Which sequence of the trace; default: 0, the first")
      ->type_name("N")
      ->group(kGroup);
  app.add_option("--skip", source.skip, "Leave out the first N tokens of the text; default: 0")
      ->type_name("N")
      ->group(kGroup);
  app.add_option("--max-tokens", source.max_tokens, "Leave out what follows N tokens; default: 0, nothing")
      ->type_name("N")
      ->group(kGroup);
}

void AddGenerationOptions(CLI::App& app, InspectSource& source) {
  constexpr char kGroup[] = "Generation";
  app.add_option("--generate", source.generate,
                 "Tokens to make after the text; the last one is not read again and so not shown; default: 0")
      ->type_name("N")
      ->group(kGroup);
  app.add_option("--temperature", source.sampling.temperature, "Divides the logits; default: 0, greedy")
      ->type_name("X")
      ->group(kGroup);
  app.add_option("--top-k", source.sampling.top_k, "Sample among the K most likely tokens; default: 0, all")
      ->type_name("K")
      ->group(kGroup);
  app.add_option("--top-p", source.sampling.top_p,
                 "Sample among the fewest tokens whose probabilities sum to P; default: 1, all")
      ->type_name("P")
      ->group(kGroup);
}

void AddStatsOptions(CLI::App& app, StatsOptions& stats) {
  constexpr char kGroup[] = "Corpus statistics";
  app.add_flag("--stats", stats.on,
               "Statistics of what is dropped over many windows of the texts, with 95 % intervals over windows")
      ->group(kGroup);
  app.add_option("--context", stats.context, "Tokens of a window; default: the model's positions P")
      ->type_name("N")
      ->group(kGroup);
  app.add_option("--horizon", stats.horizon,
                 "Tokens that each token is followed for; those with fewer after them in their window are not counted; "
                 "default: half the context")
      ->type_name("N")
      ->group(kGroup);
  app.add_option("--windows", stats.windows, "Windows, spread evenly over the texts; default: 0, all")
      ->type_name("N")
      ->group(kGroup);
  app.add_option("--batch", stats.batch, "Windows that run together; changes speed and memory only; default: 8")
      ->type_name("N")
      ->group(kGroup);
  app.add_option("--resamples", stats.resamples, "Resamples of the bootstrap, drawn by --seed; default: 1000")
      ->type_name("N")
      ->group(kGroup);
}

void AddOutputOptions(CLI::App& app, InspectOptions& options) {
  constexpr char kGroup[] = "Output";
  app.add_option("--html", options.html_file, "Write one self-contained page")->type_name("FILE")->group(kGroup);
  app.add_option("--svg", options.svg_file,
                 "Draw one picture: what each layer holds of a short text; with --stats, the charts")
      ->type_name("FILE")
      ->group(kGroup);
  app.add_option("--show", options.show,
                 "--svg: draw only these tokens of the text, counted from 0, as they are held at its end; default: all")
      ->type_name("FIRST-LAST")
      ->group(kGroup);
  app.add_option("--json", options.json_file, "Write the page's numbers as JSON; - is stdout")
      ->type_name("FILE")
      ->group(kGroup);
  app.add_option("--color", options.color,
                 "Colour in the terminal view: always, never, auto (on a terminal, unless NO_COLOR is set); "
                 "default: auto")
      ->type_name("WHEN")
      ->group(kGroup);
}

}  // namespace

int InspectMain(std::span<const std::string> args, ToolIo& io) {
  return RunGuarded(kName, io, [&] {
    InspectOptions options;
    CLI::App app("Shows what each layer of a model forgot of a text, when, and at whose word.", kName);
    app.set_version_flag("--version", std::string(kName) + ' ' + std::string(Version()), "Print the version");
    app.footer(kExamples);
    AddSourceOptions(app, options.source);
    AddModelOptions(app, options.model);
    app.get_option("--model")->required(false);  // a trace stands for itself
    AddGenerationOptions(app, options.source);
    AddStatsOptions(app, options.stats);
    AddOutputOptions(app, options);
    if (const auto status = ParseArguments(app, args, io)) return *status;
    return RunInspect(options, io);
  });
}

}  // namespace dcp::tools
