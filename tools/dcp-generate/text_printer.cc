#include "dcp-generate/text_printer.h"

#include <algorithm>
#include <ostream>

namespace dcp::tools {

TextPrinter::TextPrinter(size_t sequences, bool has_tokenizer, Progress* progress, ToolIo& io)
    : has_tokenizer_(has_tokenizer), progress_(progress), io_(io), texts_(sequences), finished_(sequences, false) {}

std::string TextPrinter::Piece(const GeneratedToken& token) {
  if (has_tokenizer_) return std::string(token.text);
  return (texts_[token.sequence].empty() ? "" : ",") + std::to_string(token.id);
}

std::string TextPrinter::WholeText(const GeneratedSequence& sequence) const {
  if (has_tokenizer_) return sequence.text;
  std::string ids;
  for (const TokenId id : sequence.generated_ids) ids += (ids.empty() ? "" : ",") + std::to_string(id);
  return ids;
}

void TextPrinter::PrintWhole(size_t sequence, const std::string& text) {
  if (progress_ != nullptr) progress_->Hide();
  io_.err << '[' << sequence + 1 << '/' << texts_.size() << "]\n" << std::flush;
  WriteOut(io_, text + '\n');
}

void TextPrinter::Add(const GeneratedToken& token) {
  const std::string piece = Piece(token);
  texts_[token.sequence] += piece;
  finished_[token.sequence] = finished_[token.sequence] || token.last;
  if (streams()) {
    if (!piece.empty()) WriteOut(io_, piece);
    return;
  }
  for (; next_ < texts_.size() && finished_[next_]; ++next_) PrintWhole(next_, texts_[next_]);
}

void TextPrinter::Finish(const GenerateResult& result) {
  if (streams()) {
    const std::string text = WholeText(result.sequences[0]);
    WriteOut(io_, text.substr(std::min(text.size(), texts_[0].size())) + '\n');
    return;
  }
  for (; next_ < texts_.size(); ++next_) PrintWhole(next_, WholeText(result.sequences[next_]));
}

}  // namespace dcp::tools
