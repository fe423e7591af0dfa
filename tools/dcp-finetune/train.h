// The training loop: pretraining from scratch, dense fine-tuning, and fine-tuning with context pruning.
#ifndef DCP_TOOLS_DCP_FINETUNE_TRAIN_H_
#define DCP_TOOLS_DCP_FINETUNE_TRAIN_H_

#include "common/tool.h"
#include "dcp-finetune/plan.h"

namespace dcp::finetune {

// Trains; throws dcp::Error. Returns kExitDone or kExitInterrupted (the state was saved).
int Train(const RunPlan& plan, tools::ToolIo& io);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_TRAIN_H_
