#include "dcp-inspect/options.h"

#include "common/option_group.h"
#include "common/sampling_options.h"
#include "common/tool.h"

namespace dcp::tools {
namespace {

void AddSourceOptions(CLI::App& app, InspectSource& source, TextOptions& text) {
  const OptionGroup add(app, "Text (one kind)");
  add("--prompt", source.prompt, "The text that the model reads", "TEXT");
  add.Each("--text", source.texts,
           "A file with that text; - is stdin. With --stats also a folder of .txt files, and several", "PATH");
  add("--prompt-ids", source.prompt_ids, "The text as token ids: 1,2,3", "IDS");
  add("--trace", source.trace_file,
      "What dcp-generate --trace wrote; needs no model, but --model tells the bytes of tokens that are not whole "
      "characters",
      "FILE");
  add("--sequence", source.sequence, "Which sequence of the trace; default: 0, the first", "N");
  AddNoSpecial(add, text);
  AddBos(add, text, "the text");
  add("--skip", source.skip, "Leave out the first N tokens of the text; default: 0", "N");
  add("--max-tokens", source.max_tokens, "Leave out what follows N tokens; default: 0, nothing", "N");
}

void AddGenerationOptions(CLI::App& app, InspectSource& source) {
  const OptionGroup add(app, "Generation");
  add("--generate", source.generate,
      "Tokens to make after the text; the last one is not read again and so not shown; default: 0", "N", AtLeast(0));
  AddSamplingOptions(add, source.sampling);
}

void AddStatsOptions(CLI::App& app, StatsOptions& stats) {
  const OptionGroup add(app, "Corpus statistics");
  add.Flag("--stats", stats.on,
           "Statistics of what is dropped over many windows of the texts, with 95 % intervals over windows");
  add("--context", stats.context, "Tokens of a window; default: the model's positions P", "N", AtLeast(0));
  add("--horizon", stats.horizon,
      "Tokens that each token is followed for; those with fewer after them in their window are not counted; default: "
      "half the context",
      "N", AtLeast(0));
  add("--windows", stats.windows, "Windows, spread evenly over the texts; default: 0, all", "N");
  AddBatch(add, stats.batch, "Windows");
  add("--resamples", stats.resamples, "Resamples of the bootstrap, drawn by --seed; default: 1000", "N", AtLeast(1));
}

void AddOutputOptions(CLI::App& app, InspectOptions& options) {
  const OptionGroup add(app, "Output");
  add("--html", options.html_file, "Write one self-contained page", "FILE");
  add("--svg", options.svg_file, "Draw one picture: what each layer holds of a short text; with --stats, the charts",
      "FILE");
  add("--show", options.show,
      "--svg: draw only these tokens of the text, counted from 0, as they are held at its end; default: all",
      "FIRST-LAST");
  add("--json", options.json_file, "Write the page's numbers as JSON; - is stdout", "FILE");
  add("--color", options.color,
      "Colour in the terminal view: always, never, auto (on a terminal, unless NO_COLOR is set); default: auto", "WHEN",
      OneOf<UseColor>({{"always", UseColor::kAlways}, {"never", UseColor::kNever}, {"auto", UseColor::kAuto}}));
}

void CheckSource(const InspectSource& source, bool stats) {
  const int kinds =
      source.prompt.has_value() + !source.texts.empty() + source.prompt_ids.has_value() + source.trace_file.has_value();
  if (kinds != 1) {
    RejectInput(std::string(kinds == 0 ? "no text: give one of " : "more than one kind of text: give only one of ") +
                "--prompt, --text, --prompt-ids, --trace");
  }
  if (stats && source.texts.empty()) RejectInput("--stats measures over --text only");
  if (source.texts.size() > 1 && !stats) {
    RejectInput("--text was given " + std::to_string(source.texts.size()) + " times, but only --stats takes several");
  }
  if (stats && (source.generate > 0 || source.skip > 0))
    RejectInput("--stats reads whole texts: no --generate, no --skip");
  if (source.trace_file && (source.generate > 0 || source.skip > 0 || source.max_tokens > 0)) {
    RejectInput("--trace is shown as it is: --generate, --skip and --max-tokens need --prompt, --text or --prompt-ids");
  }
  source.sampling.Validate();
}

}  // namespace

void AddInspectOptions(CLI::App& app, InspectOptions& options) {
  AddSourceOptions(app, options.source, options.text);
  AddModelOptions(app, options.model, /*model_required=*/false);  // a trace stands for itself
  AddGenerationOptions(app, options.source);
  AddStatsOptions(app, options.stats);
  AddOutputOptions(app, options);
}

void CheckInspectOptions(const InspectOptions& options) {
  CheckSource(options.source, options.stats.on);
  if (options.text.bos && options.stats.on) RejectInput("--bos begins one text: --stats reads windows of many");
  if (options.model.model.empty() && !options.source.trace_file) RejectInput("--model is required (see --help)");
  if (options.show && (!options.svg_file || options.stats.on)) RejectInput("--show chooses what --svg draws of a text");
}

}  // namespace dcp::tools
