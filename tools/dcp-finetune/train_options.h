// What a training run is asked to do. Free of torch, whose headers take longer to compile than all of the options.
#ifndef DCP_TOOLS_DCP_FINETUNE_TRAIN_OPTIONS_H_
#define DCP_TOOLS_DCP_FINETUNE_TRAIN_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dcp-finetune/schedule.h"
#include "dcp/types.h"

namespace dcp::finetune {

// How new interaction tensors begin.
struct InteractionInit {
  std::vector<double> bias = {2};  // beta, of all layers or of each
  double std = 0.02;               // of q_int and k_int
};

struct OptimiserOptions {
  double lr = 1e-4;              // of the base
  std::optional<double> int_lr;  // of the interaction tensors; empty: lr
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;  // of the base's matrices and embeddings, times their learning rate

  // Muon (Jordan, 2024) instead of AdamW for ParameterGroup::kMatrices: the momentum of each matrix is made orthogonal
  // before it is applied, so every direction moves alike. Pretraining reaches the same loss in fewer steps.
  bool muon = false;
  double muon_lr = 0.02, momentum = 0.95;
};

struct ExchangeOptions {
  int rank = 0;       // of this process, 0 .. processes-1
  int processes = 1;  // that train together
  // How they find each other: a file, not there yet, on a disk that all processes see, or where it is empty, the
  // address and port at which the first one listens.
  std::string rendezvous;
  std::string master;
  int port = 0;
  int device = 0;  // that it uses of several of its machine
};

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

  // Pruning. Without a gamma: dense.
  std::vector<double> gamma;  // weight of R_sparse, of all layers or of each
  int int_dim = 64;           // R of new interaction tensors
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
  int64_t batch = 6;             // sequences of a step (of each accumulated part), over all processes
  int64_t accumulate = 1;        // parts whose gradients make one step
  int64_t context = 0;           // tokens of a sequence; 0: P
  std::optional<int> positions;  // P, where the base has fewer; empty: the base's
  OptimiserOptions optimiser;
  LearningRateSchedule schedule;  // `steps` is filled in
  double clip = 1;                // largest gradient norm; 0: no limit
  uint64_t seed = 1;
  std::string device = "cpu";                // or "cuda"
  std::string precision;                     // of products: f32 or bf16; empty: bf16 on cuda, f32 on cpu
  WeightType saved_type = WeightType::kF32;  // of saved weights
  int threads = 0;                           // 0: all cores
  ExchangeOptions exchange;

  // When.
  bool resume = false;        // go on from out's state, if there is one
  bool overwrite = false;     // train anew over a model that is in out
  int64_t save_every = 500;   // steps; 0: only at the end
  double save_minutes = 10;   // also this often; 0: never
  int64_t eval_every = 500;   // steps; 0: only at the end
  int64_t eval_windows = 32;  // held-out windows of an evaluation during training; 0: all. The last uses them all
  int64_t final_windows = 0;  // of the evaluation at the end; 0: all
  bool json = false;          // print the final evaluation as JSON
};

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_TRAIN_OPTIONS_H_
