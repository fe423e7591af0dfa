#include "dcp-generate/options.h"

#include "common/option_group.h"
#include "common/request_options.h"
#include "common/schedule_options.h"
#include "common/tool.h"

namespace dcp::tools {
namespace {

void AddPromptOptions(CLI::App& app, PromptSource& source, TextOptions& special) {
  const OptionGroup add(app, "Prompt (one kind)");
  add.Each("--prompt", source.texts, "A prompt; repeat for more sequences", "TEXT");
  add.Each("--prompt-ids", source.id_lists, "A prompt as token ids: 1,2,3; repeat for more sequences", "IDS");
  add("--prompt-file", source.text_file, "A file whose bytes, all of them, are the prompt; - is stdin", "FILE");
  add("--input", source.jsonl,
      "A file of lines {\"prompt\": \"..\"} or {\"prompt_ids\": [..]}, with settings; - is stdin", "FILE");
  add("stdin", source.dash, "A lone - reads one prompt from standard input", "-");
  AddNoSpecial(add, special);
  AddBos(add, special, "every prompt");
}

void AddGenerationOptions(CLI::App& app, GenerateToolOptions& options) {
  const OptionGroup add(app, "Generation (a line of --input may set them for itself, with _ for -)");
  AddRequestOptions(add, options.request);
  const OptionGroup run(app, "Run");
  run("--max-batch", options.max_batch,
      "Sequences that run together; default: 0, all of them; with --kv-budget or --output: 64", "N", AtLeast(0));
  AddKvBudget(run, options.kv_budget, "no limit");
  AddSpool(run, options.spool);
  run("--save-state", options.save_state, "Write what was read of the one prompt, for --load-state", "FILE",
      ReadNonEmpty);
  run("--load-state", options.load_state,
      "Begin after a saved prompt, with which the prompts have to begin; without a prompt: right after it", "FILE",
      ReadNonEmpty);
}

void AddOutputOptions(CLI::App& app, GenerateToolOptions& options) {
  const OptionGroup add(app, "Output");
  add.Flag("--json", options.json, "One JSON document with ids, text, kept positions and statistics");
  add("--output", options.output,
      "Append each result to this file of JSON lines as soon as it is there: {\"index\": its place in the input, "
      "..} with the fields of --json but kept",
      "FILE.jsonl", ReadNonEmpty);
  add.Flag("--resume", options.resume, "Go on with the file of --output: what it has is not made again");
  add("--trace", options.trace_file, "Write when each token was dropped from each layer, as JSON", "FILE");
  add("--logits", options.logits_file, "Write the logits after each prompt, as JSON", "FILE");
}

void CheckSource(const PromptSource& source, bool has_state) {
  if (source.dash && source.dash != "-") {
    RejectInput("unexpected argument \"" + *source.dash + "\": a prompt is given by --prompt");
  }
  const int kinds = !source.texts.empty() + source.text_file.has_value() + source.dash.has_value() +
                    !source.id_lists.empty() + source.jsonl.has_value();
  if (kinds == 1 || (kinds == 0 && has_state)) return;
  const std::string choices = "--prompt, --prompt-file, --prompt-ids, --input, - (standard input)";
  RejectInput(kinds == 0 ? "no prompt: give one of " + choices
                         : "more than one kind of prompt: give only one of " + choices);
}

}  // namespace

void AddGenerateOptions(CLI::App& app, GenerateToolOptions& options) {
  AddPromptOptions(app, options.source, options.special);
  AddModelOptions(app, options.model);
  AddGenerationOptions(app, options);
  AddOutputOptions(app, options);
}

void CheckGenerateOptions(const GenerateToolOptions& options) {
  CheckSource(options.source, options.load_state.has_value());
  options.request.sampling.Validate();
  if (options.resume && !options.output) RejectInput("--resume: goes on with the file of --output, which is not given");
  if (options.output && (options.json || options.trace_file || options.logits_file || options.save_state)) {
    RejectInput("--output: takes the results; leave out --json, --trace, --logits and --save-state");
  }
  if (options.spool.directory && options.kv_budget == 0) {
    RejectInput("--spool: takes what --kv-budget has no room for, which is not given");
  }
  SchedulerOptions unused;
  SetSpool(options.spool, unused);
  if (!options.trace_file) return;
  if (options.load_state) RejectInput("--trace: what a saved prompt dropped is not known; leave out --load-state");
  if (options.request.overflow == Overflow::kSlide)
    RejectInput("--trace: not with --overflow slide, which forgets at once");
}

}  // namespace dcp::tools
