#include "dcp-generate/generate_tool.h"

#include <memory>
#include <ostream>

#include "common/files.h"
#include "common/progress.h"
#include "dcp-generate/report.h"
#include "dcp-generate/text_printer.h"
#include "dcp/error.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {
namespace {

// What can be known to be wrong before the model is loaded.
void CheckOptions(const GenerateToolOptions& options) {
  CheckNames(options.model);
  CheckSource(options.source);
  options.generate.sampling.Validate();
  if (options.generate.max_new_tokens < 1) {
    throw Error(ErrorCode::kInvalidArgument,
                "--max-new-tokens is " + std::to_string(options.generate.max_new_tokens) + ", at least 1 is needed");
  }
  if (options.generate.max_batch < 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "--max-batch is " + std::to_string(options.generate.max_batch) + ", at least 0 is needed");
  }
  for (const std::string& stop : options.generate.stop) {
    if (stop.empty()) throw Error(ErrorCode::kInvalidArgument, "--stop: the text is empty");
  }
}

std::unique_ptr<OutputFile> OpenIfNamed(const std::optional<std::string>& path) {
  return path ? std::make_unique<OutputFile>(*path) : nullptr;
}

GenerateOptions MakeGenerateOptions(const GenerateToolOptions& options) {
  GenerateOptions generate = options.generate;
  generate.sampling.seed = options.model.seed;
  generate.keep_prompt_logits = options.logits_file.has_value();
  return generate;
}

// Runs the prompts; text is shown as it is made, or progress where there is nothing else to see.
GenerateResult GenerateAndShow(const GenerateToolOptions& options, Session& session,
                               std::span<const std::vector<TokenId>> prompts, const Tokenizer* tokenizer, ToolIo& io) {
  std::optional<Progress> progress;
  if (options.json || prompts.size() > 1) {
    const double most = static_cast<double>(prompts.size()) * options.generate.max_new_tokens;
    progress.emplace(io.err, ProgressOptions{"generating", "tokens", most, io.err_is_terminal, {}});
  }
  TextPrinter printer(prompts.size(), tokenizer != nullptr, progress ? &*progress : nullptr, io);
  double made = 0;
  const auto on_token = [&](const GeneratedToken& token) {
    if (!options.json) printer.Add(token);
    if (progress) progress->Update(++made);
    return !io.interrupted;
  };
  GenerateResult result = Generate(session, prompts, MakeGenerateOptions(options), tokenizer, on_token);
  if (!options.json) printer.Finish(result);
  return result;
}

}  // namespace

int RunGenerate(const GenerateToolOptions& options, ToolIo& io) {
  CheckOptions(options);
  const auto trace = OpenIfNamed(options.trace_file);
  const auto logits = OpenIfNamed(options.logits_file);

  const auto model = LoadModel(options.model);
  const auto tokenizer = LoadTokenizer(options.model, *model);
  const Tokenizer* const text = tokenizer ? &*tokenizer : nullptr;
  if (!options.generate.stop.empty()) NeedTokenizer(tokenizer, options.model, "--stop");
  const auto prompts = ReadPrompts(options.source, options.model, *model, tokenizer, io);

  ThreadPool pool(options.model.threads);
  SessionOptions session_options = MakeSessionOptions(options.model, *model);
  session_options.record_drops = trace != nullptr;
  Session session(model, pool, session_options);
  const GenerateResult result = GenerateAndShow(options, session, prompts, text, io);

  if (trace) trace->Commit(Dump(TraceDocument(result, session.eviction_delay(), text)));
  if (logits) logits->Commit(Dump(LogitsDocument(result)));
  if (options.json) WriteOut(io, Dump(ResultDocument(result, session, options.model.model, pool.threads())));
  io.err << SummaryLine(result) << std::flush;
  return io.interrupted ? kExitInterrupted : kExitDone;
}

}  // namespace dcp::tools
