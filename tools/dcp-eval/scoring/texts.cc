#include "dcp-eval/scoring/texts.h"

#include <algorithm>
#include <ostream>

#include "dcp/error.h"

namespace dcp::tools {
namespace {

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

}  // namespace

void AddTextOptions(CLI::App& app, TextOptions& options) {
  constexpr char kText[] = "Text (one kind)";
  AddRepeatable(app, "--text", options.texts,
                "A text file (- is stdin), or a folder of .txt files; each file is a document; may be repeated", "PATH")
      ->group(kText);
  app.add_option("--ids", options.ids, "A JSON array of token ids, or an array of such arrays, one for each document")
      ->type_name("FILE")
      ->group(kText);
  app.add_option("--max-tokens", options.max_tokens,
                 "Leave out what follows the first N tokens of the texts; default: 0, nothing")
      ->type_name("N")
      ->group(kText);
  constexpr char kWindows[] = "Windows";
  app.add_option("--context", options.context, "Tokens of a window; default: the model's positions P")
      ->type_name("N")
      ->group(kWindows);
  app.add_option("--stride", options.stride, "Tokens from one window to the next; default: half the context")
      ->type_name("N")
      ->group(kWindows);
  app.add_option("--batch", options.batch, "Windows that run together; changes speed and memory only; default: 8")
      ->type_name("N")
      ->group(kWindows);
}

void CheckTextOptions(const TextOptions& options) {
  if (options.texts.empty() == !options.ids.has_value()) Reject("give either --text or --ids");
  if (options.batch < 1) Reject("--batch is " + std::to_string(options.batch) + ", at least 1 is needed");
  if (options.max_tokens < 0)
    Reject("--max-tokens is " + std::to_string(options.max_tokens) + ", at least 0 is needed");
}

WindowShape ResolveShape(const TextOptions& options, const Model& model) {
  const int positions = model.config().n_positions;
  const int context = options.context != 0 ? options.context : positions;
  if (context < 2 || context > positions) {
    Reject("--context is " + std::to_string(context) + ", the model can do 2 to " + std::to_string(positions));
  }
  const int stride = options.stride != 0 ? options.stride : std::max(1, context / 2);
  if (stride < 1 || stride > context) {
    Reject("--stride is " + std::to_string(stride) + ", must be 1 to the context, " + std::to_string(context));
  }
  return {context, stride};
}

std::vector<Document> ReadDocuments(const TextOptions& options, const ModelToolOptions& source, const Model& model,
                                    ToolIo& io) {
  const auto limit = static_cast<size_t>(options.max_tokens);
  if (options.ids) return ReadIdDocuments(*options.ids, model, limit, io);
  const auto tokenizer = LoadTokenizer(source, model, io);
  return ReadTexts(options.texts, NeedTokenizer(tokenizer, source, "--text"), model, limit, io);
}

std::vector<Window> CutWindows(std::span<const Document> documents, const WindowShape& shape, ToolIo& io) {
  std::vector<Window> windows =
      MakeWindows(LengthsOf(documents), static_cast<size_t>(shape.context), static_cast<size_t>(shape.stride));
  const bool empty = std::all_of(documents.begin(), documents.end(), [](const Document& d) { return d.ids.empty(); });
  if (empty) {
    Reject((documents.size() == 1 ? documents[0].name : "the texts") + ": nothing to score, has 0 tokens, needs 2");
  }
  for (const Document& document : documents) {
    if (document.ids.size() >= 2) continue;
    io.err << "dcp-eval: warning: " << OneLine(document.name) << ": skipped, has " << document.ids.size()
           << " tokens and nothing to score\n";
  }
  return windows;
}

}  // namespace dcp::tools
