// Held-out perplexity and sparsity, as inference computes them.
#ifndef DCP_TOOLS_DCP_FINETUNE_EVALUATE_H_
#define DCP_TOOLS_DCP_FINETUNE_EVALUATE_H_

#include <functional>
#include <vector>

#include "common/json.h"
#include "dcp-finetune/batches.h"
#include "dcp-finetune/model.h"

namespace dcp::finetune {

struct Evaluation {
  int64_t tokens = 0;            // scored
  double nll = 0;                // mean
  std::vector<double> sparsity;  // [L] at each window's last token, mean over windows; empty when dense
  std::vector<std::pair<int, double>> sparsity_at;  // at contexts 250, 500 and 1000, mean over layers, where it fits

  double MeanSparsity() const;
};

// `sigmoid` null: dense; Hard(): tokens are dropped as at inference. `batch` windows of equal length go together;
// `between` is called before each such batch, and may throw.
Evaluation Evaluate(const Parameters& parameters, const TokenCorpus& corpus, const std::vector<tools::Window>& windows,
                    int64_t batch, const ForwardOptions& options, const std::function<void()>& between);

// {"tokens", "nll", "perplexity"} and, when pruned, {"sparsity", "sparsity_per_layer", "sparsity_at"}.
tools::Json ToJson(const Evaluation& evaluation);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_EVALUATE_H_
