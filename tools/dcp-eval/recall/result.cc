#include "dcp-eval/recall/result.h"

#include <algorithm>

namespace dcp::tools {
namespace {

RecallOutcome JudgeFact(std::span<const std::vector<ContinuationScore>> scores) {
  RecallOutcome outcome;
  for (size_t planted = 0; planted < 2; ++planted) {
    const std::vector<ContinuationScore>& candidates = scores[planted];
    const double nll = candidates[planted].nll;
    outcome.planted += nll / 2;
    outcome.unplanted += candidates[1 - planted].nll / 2;
    const auto ahead = std::count_if(candidates.begin(), candidates.end(), [&](const auto& c) { return c.nll < nll; });
    // Equal likelihoods tell nothing apart: they do not make an answer right.
    const auto equal = std::count_if(candidates.begin(), candidates.end(), [&](const auto& c) { return c.nll == nll; });
    outcome.right += ahead == 0 && equal == 1 ? 0.5 : 0.0;
    outcome.rank += (1 + static_cast<double>(ahead)) / 2;
    outcome.sparsity += candidates[planted].sparsity / 2;
  }
  return outcome;
}

RecallOutcome JudgePassage(std::span<const std::vector<ContinuationScore>> scores) {
  const auto per_token = [&](size_t i) {
    return scores[i][0].nll / static_cast<double>(scores[i][0].token_nll.size());
  };
  RecallOutcome outcome;
  outcome.planted = per_token(0);
  outcome.unplanted = per_token(1);
  outcome.first = per_token(2);
  outcome.sparsity = (scores[0][0].sparsity + scores[1][0].sparsity) / 2;
  return outcome;
}

template <typename Value>
MeanError MeanOf(const std::vector<RecallOutcome>& trials, const Value& value) {
  std::vector<double> values;
  for (size_t i = 0; i < trials.size(); ++i) values.push_back(value(i));
  return MeanWithError(values);
}

}  // namespace

RecallOutcome JudgeTrial(RecallKind kind, std::span<const std::vector<ContinuationScore>> scores) {
  return kind == RecallKind::kFact ? JudgeFact(scores) : JudgePassage(scores);
}

MeanError RecallRow::gain() const {
  return MeanOf(trials, [&](size_t i) { return trials[i].gain(); });
}

MeanError RecallRow::LostAgainst(const RecallRow& dense) const {
  return MeanOf(trials, [&](size_t i) { return dense.trials[i].gain() - trials[i].gain(); });
}

MeanError RecallRow::accuracy() const {
  return MeanOf(trials, [&](size_t i) { return trials[i].right; });
}

RecallOutcome RecallRow::Mean() const {
  RecallOutcome mean;
  const auto n = static_cast<double>(trials.size());
  for (const RecallOutcome& trial : trials) {
    mean.planted += trial.planted / n;
    mean.unplanted += trial.unplanted / n;
    mean.first += trial.first / n;
    mean.right += trial.right / n;
    mean.rank += trial.rank / n;
    mean.sparsity += trial.sparsity / n;
  }
  return mean;
}

}  // namespace dcp::tools
