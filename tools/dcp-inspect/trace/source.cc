#include "dcp-inspect/trace/source.h"

#include <algorithm>

#include "common/files.h"
#include "common/id_list.h"
#include "common/model_tokenizer.h"
#include "common/progress.h"
#include "dcp-inspect/names.h"
#include "dcp/generate.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {
namespace {

std::vector<TokenId> PromptIds(const InspectOptions& options, const Model& model, const ModelTokenizer& tokenizer,
                               ToolIo& io) {
  const InspectSource& source = options.source;
  std::string name = "--prompt";
  std::vector<TokenId> ids;
  if (source.prompt) {
    ids = EncodePrompt(*source.prompt, tokenizer.Need(name), options.text);
  } else if (source.prompt_ids) {
    name = "--prompt-ids";
    ids = ParseIdList(*source.prompt_ids, name);
  } else {
    name = DisplayName(source.texts.at(0));
    ids = EncodePrompt(ReadText(source.texts.at(0), io), tokenizer.Need("--text"), options.text);
  }
  if (options.text.bos) PutFirst(BosToken(tokenizer.get(), model.config(), options.model.model), &ids);
  CheckIds(ids, model, name);
  if (source.skip >= ids.size()) {
    RejectInput(name + (ids.empty() ? ": the text is empty"
                                    : ": has " + std::to_string(ids.size()) + " tokens, --skip leaves out " +
                                          std::to_string(source.skip)));
  }
  ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(source.skip));
  if (source.max_tokens > 0) ids.resize(std::min(ids.size(), source.max_tokens));
  const auto positions = static_cast<size_t>(model.config().n_positions);
  if (ids.size() > positions) {
    RejectInput(name + ": has " + std::to_string(ids.size()) + " tokens, the model has " + std::to_string(positions) +
                " positions; --skip and --max-tokens choose a part");
  }
  return ids;
}

DropTrace Read(const std::vector<TokenId>& ids, Session& session, const Tokenizer* tokenizer) {
  const SequenceId sequence = session.Add();
  const FeedItem item{sequence, ids, LogitsMode::kNone};
  session.Prefill({&item, 1});
  return {session.eviction_delay(), ids.size(), ids, BytesOf(ids, tokenizer), DropsOf(session, sequence)};
}

DropTrace ReadAndGenerate(const InspectOptions& options, const std::vector<TokenId>& ids, Session& session,
                          const Tokenizer* tokenizer, ToolIo& io) {
  GenerateOptions generate;
  generate.max_new_tokens = options.source.generate;
  generate.sampling = options.source.sampling;
  generate.sampling.seed = options.model.seed;
  Progress progress(io.err,
                    {"generating", "tokens", static_cast<double>(generate.max_new_tokens), io.err_is_terminal, {}});
  double made = 0;
  const GenerateResult result = Generate(session, {&ids, 1}, generate, tokenizer, [&](const GeneratedToken&) {
    progress.Update(++made);
    return !io.interrupted;
  });
  if (io.interrupted) throw Interrupted{};
  return TraceOf(result.sequences[0], session.eviction_delay(), tokenizer);
}

}  // namespace

NamedTrace TraceModel(const InspectOptions& options, ToolIo& io) {
  const auto model = LoadModel(options.model, io);
  const ModelTokenizer tokenizer(options.model, *model, io);
  const Tokenizer* const text = tokenizer.get();
  const std::vector<TokenId> ids = PromptIds(options, *model, tokenizer, io);
  tokenizer.WarnOfDamage(io);

  ThreadPool pool(options.model.threads);
  SessionOptions session_options = MakeSessionOptions(options.model, *model);
  session_options.record_drops = true;
  Session session(model, pool, session_options);
  return {options.source.generate > 0 ? ReadAndGenerate(options, ids, session, text, io) : Read(ids, session, text),
          ModelName(options.model), session.policy().name()};
}

NamedTrace TraceFromFile(const InspectOptions& options, ToolIo& io) {
  const std::string& path = *options.source.trace_file;
  NamedTrace trace{ReadTrace(ReadAll(path, io), options.source.sequence, DisplayName(path)), "", ""};
  if (options.model.model.empty()) return trace;
  Warnings warnings;
  const Tokenizer tokenizer = Tokenizer::Load(options.model.model, &warnings);
  ShowWarnings(warnings, io);
  trace.model = ModelName(options.model);
  trace.tokens = BytesOf(trace.ids, &tokenizer);
  return trace;
}

}  // namespace dcp::tools
