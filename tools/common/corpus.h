// The texts that tools measure over: documents of token ids.
#ifndef DCP_TOOLS_COMMON_CORPUS_H_
#define DCP_TOOLS_COMMON_CORPUS_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/model_options.h"
#include "common/text_size.h"
#include "common/tool.h"
#include "dcp/tokenizer.h"

namespace dcp::tools {

class DeclaredOption;  // common/option_group.h
class OptionGroup;

struct Document {
  std::string name;  // as messages name it
  std::vector<TokenId> ids;
  std::optional<TextSize> size = {};  // of the text that the ids stand for; absent where that is not known
};

// Makes of a text what is to be encoded.
using TextFilter = std::function<std::string(std::string text)>;

// Tokens of each document.
std::vector<size_t> LengthsOf(std::span<const Document> documents);

// The files that `path` stands for: itself (- is stdin), or the .txt files of a folder, in the order of their names.
// Throws dcp::Error when a folder holds none.
std::vector<std::string> TextFilesOf(const std::string& path);

// --text, which may be repeated; for ReadTexts.
DeclaredOption AddTexts(const OptionGroup& add, std::vector<std::string>& texts);

// Every path is a document - with end-of-text tokens in it, where they are written - or a folder whose .txt files (not
// those of its subfolders) are documents, in the order of their names. What follows the first `max_tokens` tokens is
// left out; 0: nothing is. Throws dcp::Error when a path cannot be read, is no text (ReadText), a folder holds no .txt
// file, or a text needs a token that the model lacks. Sizes are those of the texts before `filter`; a text that was
// both filtered and cut has none.
std::vector<Document> ReadTexts(const std::vector<std::string>& paths, const Tokenizer& tokenizer, const Model& model,
                                size_t max_tokens, ToolIo& io, const EncodeOptions& encoding = {},
                                const TextFilter& filter = {});

// A JSON array of ids is one document, an array of such arrays several. Throws dcp::Error naming the file for anything
// else, and for an id outside the vocabulary.
std::vector<Document> ReadIdDocuments(const std::string& path, const Model& model, size_t max_tokens, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_CORPUS_H_
