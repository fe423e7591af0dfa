// Plain output of dcp-generate: text as it is made.
#ifndef DCP_TOOLS_DCP_GENERATE_TEXT_PRINTER_H_
#define DCP_TOOLS_DCP_GENERATE_TEXT_PRINTER_H_

#include <string>
#include <vector>

#include "common/progress.h"
#include "common/tool.h"
#include "dcp-generate/prompts.h"
#include "dcp/generate.h"

namespace dcp::tools {

// One sequence: every piece goes to standard output as soon as it is certain, a newline at the end. Several: each text
// follows the one before it, whole, with a newline, as soon as both are finished; "[i/n]" lines on stderr tell them
// apart. Without a tokenizer the ids stand in for the text, separated by commas. Sequences that could not run are
// passed over; those that were scored come last, a line "log-probability<tab>greedy or other<tab>text" for each
// continuation.
class TextPrinter {
 public:
  // `progress` is hidden while something is printed; null: there is none.
  TextPrinter(size_t sequences, bool has_tokenizer, Progress* progress, ToolIo& io);

  // Throws dcp::Error(kIo) when standard output cannot be written.
  void Add(const GeneratedToken& token);

  // Prints what Add has not printed yet: sequences that were cut short, and scores.
  void Finish(const GenerateResult& result, const std::vector<ToolRequest>& requests);

 private:
  std::string Piece(const GeneratedToken& token);
  std::string WholeText(const GeneratedSequence& sequence) const;
  void PrintFinished();
  void PrintScores(size_t index, const GeneratedSequence& sequence, const ToolRequest& request);
  void PrintWhole(size_t sequence, const std::string& text);

  bool streams() const { return texts_.size() == 1; }

  const bool has_tokenizer_;
  Progress* const progress_;
  ToolIo& io_;
  std::vector<std::string> texts_;  // so far, by sequence
  std::vector<bool> finished_;      // by sequence
  std::vector<bool> silent_;        // by sequence: it ended without a token
  size_t next_ = 0;                 // the first sequence that is not printed to its end
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_GENERATE_TEXT_PRINTER_H_
