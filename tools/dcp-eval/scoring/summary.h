// What windows of text come to: perplexity and sparsity.
#ifndef DCP_TOOLS_DCP_EVAL_SCORING_SUMMARY_H_
#define DCP_TOOLS_DCP_EVAL_SCORING_SUMMARY_H_

#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "common/table.h"
#include "common/windows.h"
#include "dcp-eval/scoring/window_scorer.h"

namespace dcp::tools {

struct PerplexityReport {
  size_t tokens = 0;  // scored
  double nll = 0;     // mean per token, natural log
  double perplexity = 0;
  double sparsity = 0;  // mean over layers and windows, at each window's last token
  std::array<std::optional<double>, kSparsityContexts.size()> sparsity_at;
  size_t windows = 0;    // scored
  size_t documents = 0;  // with a scored window
};

// Sums up the windows that are done. Independent of the order in which they were scored.
PerplexityReport Summarise(std::span<const Window> windows, std::span<const WindowScore> scores);

// Adds "sparsity" and "sparsity_at" - an object in JSON, a column for each context elsewhere.
void AddSparsity(const PerplexityReport& report, TableRow& row);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SCORING_SUMMARY_H_
