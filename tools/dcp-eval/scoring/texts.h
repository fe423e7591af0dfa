// The options that say which text is scored and in which windows, and what is made of them: shared by every subcommand
// that measures perplexity, so that equal options mean equal windows.
#ifndef DCP_TOOLS_DCP_EVAL_SCORING_TEXTS_H_
#define DCP_TOOLS_DCP_EVAL_SCORING_TEXTS_H_

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/corpus.h"
#include "common/model_options.h"
#include "common/text_options.h"
#include "common/tool.h"
#include "common/windows.h"
#include "dcp/model.h"

namespace dcp::tools {

struct CorpusOptions {
  std::vector<std::string> texts;  // files and folders
  std::optional<std::string> ids;  // JSON file; instead of texts
  size_t max_tokens = 0;           // leave out what follows; 0: nothing
  TextFilter detokenize;           // makes of a text what is scored; empty: nothing is done
  TextOptions special;   // with `bos`, the bos token is before every document, so that its first token is scored
  int context = 0;       // tokens of a window; 0: P
  int stride = 0;        // tokens from window to window; 0: half the context
  bool rolling = false;  // windows as lm-evaluation-harness cuts them, which have no stride
  size_t batch = 8;      // windows that run together
};

struct WindowShape {
  int context = 0;
  int stride = 0;
  bool rolling = false;
};

void AddCorpusOptions(CLI::App& app, CorpusOptions& options);

// Throws dcp::Error(kInvalidArgument) for what can be known to be wrong before a model is loaded.
void CheckCorpusOptions(const CorpusOptions& options);

// With the defaults filled in. Throws dcp::Error(kInvalidArgument) when the model has fewer positions.
WindowShape ResolveShape(const CorpusOptions& options, const Model& model);

// `source` names the model whose tokenizer reads the texts.
std::vector<Document> ReadDocuments(const CorpusOptions& options, const ModelSource& source, const Model& model,
                                    ToolIo& io);

// Windows of all documents. Throws dcp::Error(kInvalidArgument) when there is no token at all; warns of documents with
// nothing to score.
std::vector<Window> CutWindows(std::span<const Document> documents, const WindowShape& shape, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SCORING_TEXTS_H_
