// What a training run is asked to do, and what it will do. Every check of a run is made here, before a text is read or
// a file is written.
#ifndef DCP_TOOLS_DCP_FINETUNE_PLAN_H_
#define DCP_TOOLS_DCP_FINETUNE_PLAN_H_

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dcp-finetune/exchange.h"
#include "dcp-finetune/optimiser.h"
#include "dcp-finetune/parameters.h"
#include "dcp-finetune/schedule.h"
#include "dcp-finetune/train_state.h"
#include "dcp/tokenizer.h"

namespace dcp::finetune {

struct TrainOptions {
  // What is trained. One of base and init_config.
  std::string base;         // Hugging Face GPT-2 directory
  std::string adapter;      // put on top of base; empty: none
  std::string init_config;  // config.json of a model to pretrain from scratch
  std::string tokenizer;    // directory of vocab.json and merges.txt; empty: base
  std::string out;          // directory

  // On what.
  std::vector<std::string> data;   // files or folders of .txt files
  std::vector<std::string> valid;  // held-out texts; empty: a share of the documents of `data`
  double held_out = 0.01;          // that share; 0: no evaluation
  std::string cache;               // directory of token files; empty: out/cache

  // Pruning. Without gamma: dense.
  std::optional<double> gamma;  // weight of R_sparse
  int int_dim = 64;             // R of new interaction tensors
  InteractionInit interaction;
  AlphaSchedule alpha;
  std::string mask;                   // window:N, sinks:S,N or strided:W,S: fine-tune that pattern instead; empty: none
  bool freeze_base = false;           // only the interaction tensors learn
  bool adapter_only = false;          // write only these
  bool distill = false;               // learn from the distribution of a frozen model
  std::string teacher;                // which; empty: base
  double distill_share = 1;           // of the loss; the rest is the text's cross-entropy
  std::optional<int> eviction_delay;  // W: tokens between a decision and its effect; empty: the base's, else 0

  // How.
  int64_t steps = 1000;
  int64_t batch = 6;       // sequences of a step (of each accumulated part), over all processes
  int64_t accumulate = 1;  // parts whose gradients make one step
  int64_t context = 0;     // tokens of a sequence; 0: P
  OptimiserOptions optimiser;
  LearningRateSchedule schedule;  // `steps` is filled in
  double clip = 1;                // largest gradient norm; 0: no limit
  uint64_t seed = 1;
  std::string device = "cpu";
  std::string precision;      // of products: f32 or bf16; empty: bf16 on cuda, f32 on cpu
  std::string dtype = "f32";  // of saved weights
  int threads = 0;            // 0: all cores
  ExchangeOptions exchange;

  // When.
  bool resume = false;        // go on from out's state, if there is one
  int64_t save_every = 500;   // steps; 0: only at the end
  double save_minutes = 10;   // also this often; 0: never
  int64_t eval_every = 500;   // steps; 0: only at the end
  int64_t eval_windows = 32;  // held-out windows of an evaluation during training; 0: all. The last uses them all
  int64_t final_windows = 0;  // of the evaluation at the end; 0: all
  bool json = false;          // print the final evaluation as JSON
};

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

  bool pruning() const { return options.gamma.has_value(); }
  int64_t TokensPerStep() const { return options.batch * options.accumulate * options.context; }
};

// Checks options against each other, against the configurations of model, adapter, teacher and tokenizer, against the
// paths of texts and results and against the state to resume from. Reads no text, writes nothing. Throws dcp::Error.
RunPlan Resolve(TrainOptions options);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_PLAN_H_
