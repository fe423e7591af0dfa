// The training loop: pretraining from scratch, dense fine-tuning, and fine-tuning with context pruning.
#ifndef DCP_TOOLS_DCP_FINETUNE_TRAIN_H_
#define DCP_TOOLS_DCP_FINETUNE_TRAIN_H_

#include "common/tool.h"
#include "dcp-finetune/train_options.h"

namespace dcp::finetune {

// Throws dcp::Error when such a run cannot begin; see Resolve() in plan.h. Reads no text, writes nothing.
void CheckTraining(const TrainOptions& options);

// Trains; throws dcp::Error. Returns kExitDone or kExitInterrupted (the state was saved).
int Train(const TrainOptions& options, tools::ToolIo& io);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_TRAIN_H_
