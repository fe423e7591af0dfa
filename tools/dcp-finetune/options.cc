#include "dcp-finetune/options.h"

#include <CLI/CLI.hpp>

#include "common/option_group.h"

namespace dcp::finetune {
namespace {

using tools::AtLeast;
using tools::Between;
using tools::OneOf;
using tools::OptionGroup;

const auto kCount = AtLeast<int64_t>(1);
const auto kCountOrNone = AtLeast<int64_t>(0);  // 0 stands for something else
const auto kNotNegative = AtLeast(0.0);

// Numbers between commas: one, or one for each layer.
template <typename Read>
auto ByLayer(Read read) {
  return [read](const std::string& list) {
    std::vector<double> values;
    for (const std::string& text : tools::SplitList(list)) values.push_back(read(text));
    return values;
  };
}

auto ReadSavedType() {
  return OneOf<WeightType>({{"f32", WeightType::kF32}, {"bf16", WeightType::kBF16}, {"f16", WeightType::kF16}});
}

void AddDataOptions(CLI::App& app, TrainOptions& o) {
  const OptionGroup add(app, "Model and data");
  add("--base", o.base, "Hugging Face GPT-2 directory to fine-tune", "DIR");
  add("--adapter", o.adapter, "Adapter to put on top of it first", "DIR");
  add("--init", o.init_config, "config.json of a model to pretrain from scratch", "FILE");
  add("--tokenizer", o.tokenizer, "Directory of vocab.json and merges.txt; default: --base", "DIR");
  add.Several("--data", o.data,
              "Texts: files (a document each, or several parted by <|endoftext|>) or folders of .txt files", "FILE..");
  add.Several("--valid", o.valid, "Held-out texts; default: a share of the documents of --data", "FILE..");
  add("--held-out", o.held_out, "That share; default: 0.01", "X", kNotNegative);
  add("--cache", o.cache, "Directory of token files, which runs may share; default: OUT/cache", "DIR");
  add("--out", o.out, "Directory to write", "DIR");
  add("--dtype", o.saved_type, "Type of saved weights: f32, bf16 or f16; default: f32", "T", ReadSavedType());
}

void AddPruningOptions(CLI::App& app, Options& options) {
  const OptionGroup add(app, "Pruning");
  TrainOptions& o = options.train;
  add("--gamma", o.gamma, "Weight of the sparsity term, one or one for each layer; without it training is dense",
      "X,X..", ByLayer(kNotNegative));
  add.Flag("--dense", options.dense, "Train without pruning: the control");
  add("--int-dim", o.int_dim, "Interaction width R of new tensors; default: 64", "R", AtLeast(1));
  add("--int-bias", o.interaction.bias, "Their initial beta, one or one for each layer; default: 2", "X,X..",
      ByLayer(tools::ReadNumber<double>));
  add("--int-std", o.interaction.std, "Their initial standard deviation; default: 0.02", "X");
  add("--int-lr", o.optimiser.int_lr, "Their learning rate; default: --lr", "X", kNotNegative);
  add("--alpha", o.alpha, "cosine:FROM:TO:STEPS, linear:FROM:TO:STEPS or constant:A; default: cosine:1:8:25000", "S",
      ParseAlphaSchedule);
  add("--mask", o.mask,
      "Instead: train with window:N, sinks:S,N or strided:W,S, a baseline; of layers: window:128@1-4+window:512",
      "POLICY");
  add.Flag("--freeze-base", o.freeze_base, "Only the interaction tensors learn");
  add.Flag("--adapter-only", o.adapter_only, "Write only these, as an adapter directory");
  add.Flag("--distill", o.distill, "Learn a frozen model's distribution instead of the text");
  add("--teacher", o.teacher, "That model, of the same tokens, dense; default: --base", "DIR");
  add("--distill-share", o.distill_share,
      "With --distill: share of the loss that it makes up, the text the rest; default: 1", "X", Between(0.0, 1.0));
  add("--eviction-delay", o.eviction_delay,
      "Tokens that still see a token after one has dropped it; default: the base's, else 0", "W", AtLeast(0));
}

void AddTrainingOptions(CLI::App& app, Options& options) {
  const OptionGroup add(app, "Training");
  TrainOptions& o = options.train;
  add("--steps", o.steps, "Optimiser steps in all; default: 1000", "N", kCount);
  add("--batch", o.batch, "Sequences of a step; default: 6", "N", kCount);
  add("--accumulate", o.accumulate, "Batches whose gradients make one step; default: 1", "N", kCount);
  add("--context", o.context, "Tokens of a sequence; default: all positions of the model", "T", kCountOrNone);
  add("--positions", o.positions,
      "Positions P of the model, more than --base has: new ones begin as its own, repeated; default: the base's", "P",
      AtLeast(1));
  add("--lr", o.optimiser.lr, "Peak learning rate; default: 1e-4", "X", kNotNegative);
  add("--lr-schedule", o.schedule.cosine, "After the warm-up: constant or cosine (to a tenth); default: constant", "S",
      OneOf<bool>({{"constant", false}, {"cosine", true}}));
  add("--warmup", o.schedule.warmup, "Steps of linear warm-up; default: 0", "N", kCountOrNone);
  add("--decay", o.schedule.decay, "Last steps of a constant rate, over which it falls to zero; default: 0", "N",
      kCountOrNone);
  add("--weight-decay", o.optimiser.weight_decay, "Of matrices and embeddings; default: 0", "X", kNotNegative);
  add.Flag("--muon", o.optimiser.muon, "Muon for the matrices of the blocks, AdamW for the rest (pretraining)");
  add("--muon-lr", o.optimiser.muon_lr, "Its peak learning rate; default: 0.02", "X", kNotNegative);
  add("--beta2", o.optimiser.beta2, "Of AdamW; default: 0.999", "X", Between(0.0, 1.0));
  add("--clip", o.clip, "Largest gradient norm; 0: no limit; default: 1", "X", kNotNegative);
  add("--seed", o.seed, "Of the order of the data and of new tensors; default: 1", "N");
  add("--device", o.device, "cpu or cuda; default: cpu", "D", OneOf<std::string>({{"cpu", "cpu"}, {"cuda", "cuda"}}));
  add("--precision", o.precision, "Of matrix products: f32 or bf16; default: bf16 on cuda, f32 on cpu", "T",
      OneOf<std::string>({{"f32", "f32"}, {"bf16", "bf16"}}));
  add("--threads", o.threads, "Default: all cores", "N", AtLeast(0));
  add("--processes", options.processes, "Of this machine, that share each batch; default: 1", "N", AtLeast(1));
  add("--world-size", o.exchange.processes,
      "Processes, started one by one, that train together; default: 1, or what WORLD_SIZE, RANK, MASTER_ADDR and "
      "MASTER_PORT say, as torchrun sets them",
      "N");
  add("--rank", o.exchange.rank, "Of this one, from 0", "N");
  add("--rendezvous", o.exchange.rendezvous, "A new file that all processes see", "FILE");
}

void AddReportOptions(CLI::App& app, TrainOptions& o) {
  const OptionGroup add(app, "Checkpoints and reports");
  add.Flag("--resume", o.resume, "Go on from the state in --out, if there is one");
  add.Flag("--overwrite", o.overwrite, "Put a new model in place of the one in --out, its log and its state");
  add("--save-every", o.save_every, "Steps; 0: only at the end; default: 500", "N", kCountOrNone);
  add("--save-minutes", o.save_minutes, "Also this often; 0: never; default: 10", "N", kNotNegative);
  add("--eval-every", o.eval_every, "Steps; 0: only at the end; default: 500", "N", kCountOrNone);
  add("--eval-windows", o.eval_windows, "Held-out windows of an evaluation on the way; 0: all; default: 32", "N",
      kCountOrNone);
  add("--final-windows", o.final_windows, "Of the one at the end; default: 0, all", "N", kCountOrNone);
  add.Flag("--json", o.json, "Print the final evaluation as one JSON document");
}

void AddTokenizerOption(CLI::App& app, Options& options) {
  const OptionGroup add(app, "Tokenizer");
  const auto read = [&options](const std::string& text) {
    options.command = Options::Command::kTrainTokenizer;
    return tools::ReadNumber<int>(text);
  };
  add("--train-tokenizer", options.vocabulary, "Make a byte-level BPE of V tokens from --data, in --out", "V", read);
}

// A subcommand that sets Options::command.
CLI::App& AddCommand(CLI::App& app, const char* name, const char* about, Options& options, Options::Command command) {
  CLI::App* const added = app.add_subcommand(name, about);
  added->callback([&options, command] { options.command = command; });
  return *added;
}

void AddGradientOptions(CLI::App& app, GradientOptions& o) {
  const OptionGroup add(app, "Options");
  add("--base", o.base, "Model directory", "DIR").Required();
  add("--golden", o.golden, "golden.json", "FILE").Required();
  add.Flag("--json", o.json, "Print the report");
}

void AddConvertOptions(CLI::App& app, ConvertOptions& o) {
  const OptionGroup add(app, "Options");
  add("--base", o.base,
      "Model directory: pytorch_model.bin, or safetensors, whole or in shards, under whatever prefix and in whatever "
      "type",
      "DIR")
      .Required();
  add("--adapter", o.adapter, "Adapter, also LoRA, to add to it", "DIR");
  add("--out", o.out, "Directory to write", "DIR").Required();
  add("--dtype", o.saved_type, "Type of saved weights: f32, bf16 or f16; default: that of --base", "T",
      ReadSavedType());
  add.Flag("--overwrite", o.overwrite, "Put the model in place of the one in --out");
}

}  // namespace

void AddOptions(CLI::App& app, Options& options) {
  AddDataOptions(app, options.train);
  AddPruningOptions(app, options);
  AddTrainingOptions(app, options);
  AddReportOptions(app, options.train);
  AddTokenizerOption(app, options);
  AddGradientOptions(AddCommand(app, "check-gradients", "Losses and gradient norms of a golden file's training batch",
                                options, Options::Command::kCheckGradients),
                     options.gradients);
  AddConvertOptions(AddCommand(app, "convert", "A GPT-2 in another form, as a directory of one safetensors file",
                               options, Options::Command::kConvert),
                    options.convert);
}

}  // namespace dcp::finetune
