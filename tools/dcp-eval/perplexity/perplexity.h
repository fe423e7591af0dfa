// dcp-eval perplexity: how well a model predicts texts under a policy, and what that costs in memory.
#ifndef DCP_TOOLS_DCP_EVAL_PERPLEXITY_PERPLEXITY_H_
#define DCP_TOOLS_DCP_EVAL_PERPLEXITY_PERPLEXITY_H_

#include <array>
#include <optional>
#include <span>
#include <string>

#include "common/json.h"
#include "common/model_options.h"
#include "common/tool.h"
#include "dcp-eval/scoring/texts.h"
#include "dcp-eval/scoring/window_scorer.h"

namespace dcp::tools {

struct PerplexityOptions {
  ModelToolOptions model;
  TextOptions text;
  std::optional<std::string> per_token_file;
  bool json = false;
};

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

// Scores and reports; throws dcp::Error. Returns kExitDone or kExitInterrupted.
int RunPerplexity(const PerplexityOptions& options, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_PERPLEXITY_PERPLEXITY_H_
