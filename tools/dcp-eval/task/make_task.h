// dcp-eval make-task: examples of our own from books. Equal texts, options and seed give equal files, byte for byte.
#ifndef DCP_TOOLS_DCP_EVAL_TASK_MAKE_TASK_H_
#define DCP_TOOLS_DCP_EVAL_TASK_MAKE_TASK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/json.h"
#include "common/tool.h"
#include "dcp-eval/task/prose.h"

namespace dcp::tools {

struct MakeTaskOptions {
  std::string kind;  // lastword or cloze
  std::vector<std::string> texts;
  std::string out;
  int count = 200;        // examples
  int words = 0;          // of a context, at most; 0: 600 for lastword, 120 for cloze
  int min_distance = 50;  // lastword: words between the last word and where it was said before
  uint64_t seed = 0;
};

struct Book {
  std::string name;
  Prose prose;
};

// A LAMBADA-style example for every line: {"text", "book", "distance"}. The text begins with a sentence, holds at most
// `words` words, and ends with a name, or with a content word that is not among the commonest of its book, that ends a
// sentence there (its punctuation left out) and was said before, `distance` words earlier, but not since. Texts do not
// overlap; a book asks for a word once at most. Books take turns. Throws dcp::Error(kInvalidArgument) with both numbers
// when the books do not yield that many.
std::vector<Json> MakeLastWords(const std::vector<Book>& books, const MakeTaskOptions& options);

// {"context", "endings", "label", "book"}: at most `words` words that end with a sentence, and which of four sentences
// comes next. The other three are from elsewhere in the same book and alike in form: narrative without quotation
// marks, 6 to 30 words long, inside a paragraph, their length within a quarter of the right one's.
std::vector<Json> MakeClozes(const std::vector<Book>& books, const MakeTaskOptions& options);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_TASK_MAKE_TASK_H_
