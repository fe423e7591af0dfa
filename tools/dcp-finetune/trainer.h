// One training run, step by step.
#ifndef DCP_TOOLS_DCP_FINETUNE_TRAINER_H_
#define DCP_TOOLS_DCP_FINETUNE_TRAINER_H_

#include <torch/types.h>

#include <memory>
#include <optional>

#include "common/json.h"
#include "dcp-finetune/batches.h"
#include "dcp-finetune/evaluate.h"
#include "dcp-finetune/lm_loss.h"
#include "dcp-finetune/train.h"
#include "dcp-finetune/train_state.h"
#include "dcp/thread_pool.h"

namespace dcp::finetune {

struct StepResult {
  double loss = 0;      // cross-entropy, or divergence from the teacher; mean over the step's tokens
  double r_sparse = 1;  // 1 when dense
  double alpha = 0;     // 0 when dense
  double lr = 0;
  double gradient_norm = 0;
  bool stop = false;  // some process was interrupted
};

// Holds model, optimiser, data and evaluation windows of a run. A step is a function of the options, the step's number
// and the values before it, so a run that resumes goes on exactly as if it had never stopped.
class Trainer {
 public:
  explicit Trainer(const TrainOptions& options);  // loads everything; throws dcp::Error

  bool pruning() const { return options_.gamma.has_value(); }
  int64_t TokensPerStep() const;
  int64_t context() const { return context_; }
  Parameters& parameters() { return *parameters_; }
  Exchange& exchange() { return *exchange_; }

  // Runs step number `step` (from 0). `stop` is this process's wish to end the run; the result holds what all agreed
  // on, so that no process waits for one that has gone. Throws dcp::Error(kInternal) when the loss is not finite.
  StepResult Step(int64_t step, bool stop);

  // {"dense": .., "pruned": ..} over `limit` held-out windows (0: all); empty when nothing is held out.
  tools::Json Evaluate(int64_t limit);

  // State and model, as described in train_state.h. Only the first process writes.
  void Save(int64_t finished_steps);
  int64_t Restore();  // finished steps; 0 when there is no state

 private:
  void LoadModel();
  void LoadTeacher();
  void LoadData();
  double Accumulate(const torch::Tensor& batch, const ForwardOptions& forward, double& r_sparse);
  Teacher TeacherFor(const torch::Tensor& ids);

  TrainOptions options_;
  ThreadPool pool_;
  torch::Device device_;
  torch::ScalarType compute_;
  std::unique_ptr<Exchange> exchange_;
  std::optional<Tokenizer> tokenizer_;
  std::optional<Parameters> parameters_;
  std::optional<Parameters> teacher_;
  torch::Tensor mask_;  // [T, T] or undefined
  std::optional<Optimiser> optimiser_;
  std::optional<TokenCorpus> data_, valid_;
  std::vector<size_t> held_out_;  // documents of valid_, or of data_ where there is none
  std::optional<SequenceStream> stream_;
  int64_t context_ = 0;
};

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_TRAINER_H_
