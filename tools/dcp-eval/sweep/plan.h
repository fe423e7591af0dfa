// Which rows a sweep has.
#ifndef DCP_TOOLS_DCP_EVAL_SWEEP_PLAN_H_
#define DCP_TOOLS_DCP_EVAL_SWEEP_PLAN_H_

#include <cstddef>
#include <span>
#include <vector>

#include "dcp-eval/scoring/model_list.h"
#include "dcp-eval/sweep/options.h"
#include "dcp-eval/sweep/row.h"

namespace dcp::tools {

// The dense control, then each variant at each threshold - and dense as well when baselines run on variants.
// `list.variants` are those with interaction tensors.
std::vector<SweepJob> PlanLearned(const ModelList& list, const SweepOptions& options);

// Models that were fine-tuned under a fixed policy, and training-free policies, kind by kind: matched to the kept
// tokens of each learned row of `rows` (on the variants: to their own rows), and at the budgets asked for. Specs that
// come up twice are one job. `predicting`: PredictingPositions of the windows; `context`: tokens of a window.
std::vector<SweepJob> PlanBaselines(const ModelList& list, const SweepOptions& options, std::span<const SweepRow> rows,
                                    std::span<const size_t> predicting, int context);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SWEEP_PLAN_H_
