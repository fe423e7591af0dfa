// What a training run will do. Every check of a run is made here, before a text is read or a file is written.
#ifndef DCP_TOOLS_DCP_FINETUNE_PLAN_H_
#define DCP_TOOLS_DCP_FINETUNE_PLAN_H_

#include <torch/types.h>

#include <cstdint>
#include <filesystem>

#include "dcp-finetune/saved_model.h"
#include "dcp-finetune/train_options.h"
#include "dcp/model_config.h"
#include "dcp/tokenizer.h"

namespace dcp::finetune {

// A run that can begin: what is asked for fits together, and with the files that are there.
struct RunPlan {
  TrainOptions options;  // with context, cache, teacher and schedule filled in; no teacher: learns from the text alone
  ModelConfig config;    // of the model that is trained
  Tokenizer tokenizer;
  int64_t end_of_text;  // the token that parts documents
  torch::Device device;
  torch::ScalarType compute;    // of products
  ModelToSave target;           // what is written
  std::filesystem::path state;  // the file to resume from
  int64_t first_step;           // steps finished before
  Warnings warnings;            // what was odd about the model's and the tokenizer's files

  bool pruning() const { return !options.gamma.empty(); }
  int64_t TokensPerStep() const { return options.batch * options.accumulate * options.context; }
};

// Checks options against each other, against the configurations of model, adapter, teacher and tokenizer, against the
// paths of texts and results and against the state to resume from. Reads no text, writes nothing. Throws dcp::Error.
RunPlan Resolve(TrainOptions options);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_PLAN_H_
