// One training run, step by step.
#ifndef DCP_TOOLS_DCP_FINETUNE_TRAINER_H_
#define DCP_TOOLS_DCP_FINETUNE_TRAINER_H_

#include <torch/types.h>

#include <functional>
#include <memory>
#include <vector>

#include "common/json.h"
#include "dcp-finetune/batches.h"
#include "dcp-finetune/exchange.h"
#include "dcp-finetune/lm_loss.h"
#include "dcp-finetune/model.h"
#include "dcp-finetune/optimiser.h"
#include "dcp-finetune/plan.h"
#include "dcp/thread_pool.h"

namespace dcp::finetune {

struct StepResult {
  double loss = 0;      // cross-entropy, or divergence from the teacher; mean over the step's tokens
  double r_sparse = 1;  // 1 when dense
  double alpha = 0;     // 0 when dense
  double lr = 0;
  double gradient_norm = 0;
  bool stop = false;  // some process was asked to end
};

// What is learned from, and what is held out of it: documents of one corpus, or of two.
struct TrainingTexts {
  std::shared_ptr<const TokenCorpus> corpus, held_out_corpus;
  Division division;

  int64_t Tokens() const;         // that are learned from
  int64_t HeldOutTokens() const;  // that are held out
};

// Holds model, optimiser, data and evaluation windows of a run. A step is a function of the plan, the step's number
// and the values before it, so a run that resumes goes on exactly as if it had never stopped.
class Trainer {
 public:
  // Loads everything, the state to resume from included; waits for the other processes. `plan` must outlive it. Throws
  // dcp::Error.
  explicit Trainer(const RunPlan& plan);

  int64_t ParameterCount() const { return parameters_.Count(); }
  const TrainingTexts& texts() const { return texts_; }

  // Runs step number `step` (from 0). `stop` is this process's wish to end the run; the result holds what all agreed
  // on, so that no process waits for one that has gone. Throws dcp::Error(kInternal) when the loss is not finite.
  StepResult Step(int64_t step, bool stop);

  // {"dense": .., "pruned": ..} over `limit` held-out windows (0: all); empty when nothing is held out. Calls
  // `between` between batches, which may throw.
  tools::Json Evaluate(int64_t limit, const std::function<void()>& between);

  // State and model, as described in train_state.h. Only the first process writes.
  void Save(int64_t finished_steps);

 private:
  double Accumulate(const torch::Tensor& batch, const ForwardOptions& forward, double& r_sparse);
  void AverageOverProcesses(StepResult& result);
  Teacher TeacherFor(const torch::Tensor& ids) const;

  const RunPlan& plan_;
  const TrainOptions& options_;
  ThreadPool pool_;
  Exchange exchange_;
  Parameters parameters_;
  std::unique_ptr<const Parameters> teacher_;  // null: none
  std::vector<torch::Tensor> masks_;           // [L] of [T, T] or undefined; empty: none
  Optimiser optimiser_;
  TrainingTexts texts_;
  SequenceStream stream_;
};

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_TRAINER_H_
