#include "dcp-generate/text_printer.h"

#include <algorithm>
#include <ostream>

#include "common/format.h"

namespace dcp::tools {

TextPrinter::TextPrinter(size_t sequences, bool has_tokenizer, Progress* progress, ToolIo& io)
    : has_tokenizer_(has_tokenizer),
      progress_(progress),
      io_(io),
      texts_(sequences),
      finished_(sequences, false),
      silent_(sequences, false) {}

std::string TextPrinter::Piece(const GeneratedToken& token) {
  if (has_tokenizer_ || token.id < 0) return std::string(token.text);
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

void TextPrinter::PrintFinished() {
  for (; next_ < texts_.size() && finished_[next_]; ++next_) {
    if (!silent_[next_]) PrintWhole(next_, texts_[next_]);
  }
}

void TextPrinter::Add(const GeneratedToken& token) {
  const std::string piece = Piece(token);
  silent_[token.sequence] = token.id < 0 && texts_[token.sequence].empty();
  texts_[token.sequence] += piece;
  finished_[token.sequence] = finished_[token.sequence] || token.last;
  if (streams()) {
    if (!piece.empty()) WriteOut(io_, piece);
    return;
  }
  PrintFinished();
}

void TextPrinter::Finish(const GenerateResult& result, const std::vector<ToolRequest>& requests) {
  for (; next_ < texts_.size(); ++next_) {
    if (silent_[next_]) continue;
    const std::string text = WholeText(result.sequences[next_]);
    if (streams()) {
      WriteOut(io_, text.substr(std::min(text.size(), texts_[0].size())) + '\n');
    } else {
      PrintWhole(next_, text);
    }
  }
  for (size_t i = 0; i < result.sequences.size(); ++i) {
    const GeneratedSequence& sequence = result.sequences[i];
    if (!sequence.scores.empty()) PrintScores(i, sequence, requests[sequence.request]);
  }
}

void TextPrinter::PrintScores(size_t index, const GeneratedSequence& sequence, const ToolRequest& request) {
  std::string lines;
  for (size_t i = 0; i < sequence.scores.size(); ++i) {
    const ContinuationScore& score = sequence.scores[i];
    std::string text;
    if (i < request.score_texts.size()) {
      text = OneLine(request.score_texts[i], std::string::npos);
    } else {
      for (const TokenId id : request.request.options.continuations[i])
        text += (text.empty() ? "" : ",") + std::to_string(id);
    }
    lines += Format("%.6g\t%s\t", score.logprob, score.greedy ? "greedy" : "other") + text + '\n';
  }
  if (streams()) return WriteOut(io_, lines);
  lines.pop_back();
  PrintWhole(index, lines);
}

}  // namespace dcp::tools
