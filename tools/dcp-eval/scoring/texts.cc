#include "dcp-eval/scoring/texts.h"

#include <algorithm>
#include <ostream>

#include "common/model_tokenizer.h"
#include "common/option_group.h"
#include "dcp-eval/scoring/wikitext.h"

namespace dcp::tools {
namespace {}  // namespace

void AddCorpusOptions(CLI::App& app, CorpusOptions& options) {
  const OptionGroup text(app, "Text (one kind)");
  AddTexts(text, options.texts);
  text("--ids", options.ids, "A JSON array of token ids, or an array of such arrays, one for each document", "FILE");
  text("--max-tokens", options.max_tokens,
       "Leave out what follows the first N tokens of the texts; default: 0, nothing", "N");
  text("--detokenize", options.detokenize,
       "wikitext: put words and punctuation together as lm-evaluation-harness does for WikiText, which parts them; "
       "bytes, characters and words are counted before; default: none",
       "RULES", OneOf<TextFilter>({{"none", nullptr}, {"wikitext", DetokenizeWikitext}}));
  AddNoSpecial(text, options.special);
  text.Flag("--bos", options.special.bos,
            "Score the first token of each document too, after the bos token, or else the one that ends a text");
  const OptionGroup windows(app, "Windows");
  windows("--context", options.context, "Tokens of a window; default: the model's positions P", "N");
  windows("--stride", options.stride, "Tokens from one window to the next; default: half the context", "N");
  windows.Flag(
      "--rolling", options.rolling,
      "Windows as lm-evaluation-harness cuts them instead: each token is scored once, --context at a time, after "
      "one token of the window before");
  AddBatch(windows, options.batch, "Windows");
}

void CheckCorpusOptions(const CorpusOptions& options) {
  if (options.texts.empty() == !options.ids.has_value()) RejectInput("give either --text or --ids");
  if (options.rolling && options.stride != 0) RejectInput("give either --stride or --rolling");
  if (options.special.no_special && options.ids) RejectInput("--no-special is for --text: ids are scored as they are");
  if (options.detokenize && options.ids) RejectInput("--detokenize is for --text: ids are scored as they are");
}

WindowShape ResolveShape(const CorpusOptions& options, const Model& model) {
  const int positions = model.config().n_positions;
  const int context = options.context != 0 ? options.context : positions;
  if (context < 2 || context > positions) {
    RejectInput("--context is " + std::to_string(context) + ", the model can do 2 to " + std::to_string(positions));
  }
  if (options.rolling) return {context, context, true};
  const int stride = options.stride != 0 ? options.stride : std::max(1, context / 2);
  if (stride < 1 || stride > context) {
    RejectInput("--stride is " + std::to_string(stride) + ", must be 1 to the context, " + std::to_string(context));
  }
  return {context, stride, false};
}

std::vector<Document> ReadDocuments(const CorpusOptions& options, const ModelSource& source, const Model& model,
                                    ToolIo& io) {
  std::vector<Document> documents;
  std::optional<ModelTokenizer> tokenizer;
  if (options.ids) {
    documents = ReadIdDocuments(*options.ids, model, options.max_tokens, io);
  } else {
    tokenizer.emplace(source, model, io);
    documents = ReadTexts(options.texts, tokenizer->Need("--text"), model, options.max_tokens, io,
                          options.special.encoding(), options.detokenize);
  }
  if (!options.special.bos) return documents;
  const TokenId bos = BosToken(tokenizer ? tokenizer->get() : nullptr, model.config(), source.model);
  for (Document& document : documents) {
    if (!document.ids.empty()) document.ids.insert(document.ids.begin(), bos);
  }
  return documents;
}

std::vector<Window> CutWindows(std::span<const Document> documents, const WindowShape& shape, ToolIo& io) {
  const auto lengths = LengthsOf(documents);
  const auto context = static_cast<size_t>(shape.context);
  std::vector<Window> windows = shape.rolling ? MakeRollingWindows(lengths, context)
                                              : MakeWindows(lengths, context, static_cast<size_t>(shape.stride));
  const bool empty = std::all_of(documents.begin(), documents.end(), [](const Document& d) { return d.ids.empty(); });
  if (empty) {
    RejectInput((documents.size() == 1 ? documents[0].name : "the texts") +
                ": nothing to score, has 0 tokens, needs 2");
  }
  for (const Document& document : documents) {
    if (document.ids.size() >= 2) continue;
    io.err << "dcp-eval: warning: " << OneLine(document.name) << ": skipped, has " << document.ids.size()
           << " tokens and nothing to score\n";
  }
  return windows;
}

}  // namespace dcp::tools
