#include "dcp-finetune/finetune_tool.h"

#include <CLI/CLI.hpp>
#include <filesystem>

#include "common/json.h"
#include "dcp-finetune/bpe_trainer.h"
#include "dcp-finetune/check_gradients.h"
#include "dcp-finetune/corpus.h"
#include "dcp-finetune/launcher.h"
#include "dcp-finetune/train.h"
#include "dcp/error.h"
#include "dcp/version.h"

namespace dcp::finetune {
namespace {

constexpr char kName[] = "dcp-finetune";
constexpr char kExamples[] =
    "Examples:\n"
    "  dcp-finetune --train-tokenizer 8192 --data books/ --out tokenizer/\n"
    "  dcp-finetune --init config.json --tokenizer tokenizer/ --data books/ --out base/ --steps 20000 --lr 1e-3\n"
    "  dcp-finetune --base gpt2/ --data books/ --out pruned/ --gamma 0.3 --steps 5000 --alpha cosine:1:8:4000\n"
    "  dcp-finetune --base gpt2/ --data books/ --out control/ --dense --steps 5000\n"
    "  dcp-finetune check-gradients --base golden/tiny --golden golden/tiny/golden.json --json\n"
    "\n"
    "--resume goes on from what is in --out. The run's log is train.jsonl there.\n"
    "Exit status: 0 done, 2 bad input or usage, 130 interrupted (the state was saved), 1 anything else.\n";

struct Options {
  TrainOptions train;
  std::string alpha = "cosine:1:8:25000";
  std::string schedule = "constant";
  bool dense = false;
  int vocabulary = 0;  // of --train-tokenizer
  int processes = 1;   // to start here
  std::string golden, golden_base;
  bool golden_json = false;
};

// Declares options under one heading of --help.
struct OptionGroup {
  CLI::App& app;
  const char* heading;

  template <typename T>
  void operator()(const char* name, T& value, const char* text, const char* type) const {
    app.add_option(name, value, text)->type_name(type)->group(heading);
  }
  void Flag(const char* name, bool& value, const char* text) const { app.add_flag(name, value, text)->group(heading); }
};

void AddDataOptions(CLI::App& app, TrainOptions& o) {
  const OptionGroup add{app, "Model and data"};
  add("--base", o.base, "Hugging Face GPT-2 directory to fine-tune", "DIR");
  add("--adapter", o.adapter, "Adapter to put on top of it first", "DIR");
  add("--init", o.init_config, "config.json of a model to pretrain from scratch", "FILE");
  add("--tokenizer", o.tokenizer, "Directory of vocab.json and merges.txt; default: --base", "DIR");
  add("--data", o.data, "Texts: files (a document each, or several parted by <|endoftext|>) or folders of .txt files",
      "FILE..");
  add("--valid", o.valid, "Held-out texts; default: a share of the documents of --data", "FILE..");
  add("--held-out", o.held_out, "That share; default: 0.01", "X");
  add("--cache", o.cache, "Directory of token files, which runs may share; default: OUT/cache", "DIR");
  add("--out", o.out, "Directory to write", "DIR");
  add("--dtype", o.dtype, "Type of saved weights: f32, bf16 or f16; default: f32", "T");
}

void AddPruningOptions(CLI::App& app, Options& options) {
  const OptionGroup add{app, "Pruning"};
  TrainOptions& o = options.train;
  add("--gamma", o.gamma, "Weight of the sparsity term; without it training is dense", "X");
  add.Flag("--dense", options.dense, "Train without pruning: the control");
  add("--int-dim", o.int_dim, "Interaction width R of new tensors; default: 64", "R");
  add("--int-bias", o.interaction.bias, "Their initial beta; default: 2", "X");
  add("--int-std", o.interaction.std, "Their initial standard deviation; default: 0.02", "X");
  add("--int-lr", o.optimiser.int_lr, "Their learning rate; default: --lr", "X");
  add("--alpha", options.alpha, "cosine:FROM:TO:STEPS, linear:FROM:TO:STEPS or constant:A; default: cosine:1:8:25000",
      "S");
  add("--mask", o.mask, "Instead: train with window:N, sinks:S,N or strided:W,S, a baseline", "POLICY");
  add.Flag("--freeze-base", o.freeze_base, "Only the interaction tensors learn");
  add.Flag("--adapter-only", o.adapter_only, "Write only these, as an adapter directory");
  add.Flag("--distill", o.distill, "Learn a frozen model's distribution instead of the text");
  add("--teacher", o.teacher, "That model, of the same tokens, dense; default: --base", "DIR");
  add("--distill-share", o.distill_share,
      "With --distill: share of the loss that it makes up, the text the rest; default: 1", "X");
  add("--eviction-delay", o.eviction_delay,
      "Tokens that still see a token after one has dropped it; default: the base's, else 0", "W");
}

void AddTrainingOptions(CLI::App& app, Options& options) {
  const OptionGroup add{app, "Training"};
  TrainOptions& o = options.train;
  add("--steps", o.steps, "Optimiser steps in all; default: 1000", "N");
  add("--batch", o.batch, "Sequences of a step; default: 6", "N");
  add("--accumulate", o.accumulate, "Batches whose gradients make one step; default: 1", "N");
  add("--context", o.context, "Tokens of a sequence; default: all positions of the model", "T");
  add("--lr", o.optimiser.lr, "Peak learning rate; default: 1e-4", "X");
  add("--lr-schedule", options.schedule, "After the warm-up: constant or cosine (to a tenth); default: constant", "S");
  add("--warmup", o.schedule.warmup, "Steps of linear warm-up; default: 0", "N");
  add("--decay", o.schedule.decay, "Last steps of a constant rate, over which it falls to zero; default: 0", "N");
  add("--weight-decay", o.optimiser.weight_decay, "Of matrices and embeddings; default: 0", "X");
  add.Flag("--muon", o.optimiser.muon, "Muon for the matrices of the blocks, AdamW for the rest (pretraining)");
  add("--muon-lr", o.optimiser.muon_lr, "Its peak learning rate; default: 0.02", "X");
  add("--beta2", o.optimiser.beta2, "Of AdamW; default: 0.999", "X");
  add("--clip", o.clip, "Largest gradient norm; 0: no limit; default: 1", "X");
  add("--seed", o.seed, "Of the order of the data and of new tensors; default: 1", "N");
  add("--device", o.device, "cpu or cuda; default: cpu", "D");
  add("--precision", o.precision, "Of matrix products: f32 or bf16; default: bf16 on cuda, f32 on cpu", "T");
  add("--threads", o.threads, "Default: all cores", "N");
  add("--processes", options.processes, "Of this machine, that share each batch; default: 1", "N");
  add("--world-size", o.exchange.processes, "Processes, started one by one, that train together; default: 1", "N");
  add("--rank", o.exchange.rank, "Of this one, from 0", "N");
  add("--rendezvous", o.exchange.rendezvous, "A new file that all processes see", "FILE");
}

void AddReportOptions(CLI::App& app, Options& options) {
  const OptionGroup add{app, "Checkpoints and reports"};
  TrainOptions& o = options.train;
  add.Flag("--resume", o.resume, "Go on from the state in --out, if there is one");
  add("--save-every", o.save_every, "Steps; 0: only at the end; default: 500", "N");
  add("--save-minutes", o.save_minutes, "Also this often; 0: never; default: 10", "N");
  add("--eval-every", o.eval_every, "Steps; 0: only at the end; default: 500", "N");
  add("--eval-windows", o.eval_windows, "Held-out windows of an evaluation on the way; 0: all; default: 32", "N");
  add("--final-windows", o.final_windows, "Of the one at the end; default: 0, all", "N");
  add.Flag("--json", o.json, "Print the final evaluation as one JSON document");
}

CLI::App* AddGradientCheck(CLI::App& app, Options& options) {
  CLI::App* check =
      app.add_subcommand("check-gradients", "Losses and gradient norms of a golden file's training batch");
  check->add_option("--base", options.golden_base, "Model directory")->type_name("DIR")->required();
  check->add_option("--golden", options.golden, "golden.json")->type_name("FILE")->required();
  check->add_flag("--json", options.golden_json, "Print the report");
  return check;
}

int TrainTokenizer(const Options& options, tools::ToolIo& io) {
  if (options.train.data.empty() || options.train.out.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "--train-tokenizer needs --data and --out");
  }
  const TextFiles texts(options.train.data);
  ThreadPool pool(options.train.threads);
  const LearnedBpe bpe = TrainBpe(texts.documents(), options.vocabulary, pool);
  WriteTokenizer(bpe, options.train.out);
  io.err << "dcp-finetune: " << bpe.tokens.size() << " tokens, " << bpe.merges.size() << " merges from "
         << texts.documents().size() << " documents\n";
  return tools::kExitDone;
}

int RunGradientCheck(const Options& options, tools::ToolIo& io) {
  const GradientCheck check = CheckGradients(options.golden_base, options.golden, torch::kCPU);
  if (options.golden_json) tools::WriteOut(io, tools::Dump(check.report));
  io.err << "largest relative difference: losses " << check.loss << ", gradient norms " << check.gradient << "\n";
  return tools::kExitDone;
}

int RunTool(std::span<const std::string> args, tools::ToolIo& io) {
  CLI::App app("Trains GPT-2 models, and teaches them what to forget", kName);
  app.footer(kExamples);
  app.set_version_flag("--version", std::string(Version()));
  Options options;
  AddDataOptions(app, options.train);
  AddPruningOptions(app, options);
  AddTrainingOptions(app, options);
  AddReportOptions(app, options);
  app.add_option("--train-tokenizer", options.vocabulary, "Make a byte-level BPE of V tokens from --data, in --out")
      ->type_name("V");
  const CLI::App* check = AddGradientCheck(app, options);
  if (const std::optional<int> status = tools::ParseArguments(app, args, io)) return *status;
  if (check->parsed()) return RunGradientCheck(options, io);
  if (options.vocabulary != 0) return TrainTokenizer(options, io);
  TrainOptions& train = options.train;
  if (options.dense && train.gamma) throw Error(ErrorCode::kInvalidArgument, "give --gamma or --dense, not both");
  if (options.schedule != "constant" && options.schedule != "cosine") {
    throw Error(ErrorCode::kInvalidArgument, "--lr-schedule \"" + options.schedule + "\": expected constant or cosine");
  }
  train.schedule.cosine = options.schedule == "cosine";
  train.alpha = ParseAlphaSchedule(options.alpha);
  if (app.count("--int-lr") == 0) train.optimiser.int_lr = train.optimiser.lr;
  if (options.processes > 1 && train.exchange.processes == 1) {
    train.exchange.processes = options.processes;
    train.exchange.rendezvous = NewRendezvous().string();
    Resolve(train);  // what is wrong is said once, before any process starts
    return RunProcesses(args, train.exchange, train.threads, io);
  }
  return Train(Resolve(train), io);
}

}  // namespace

int FinetuneMain(std::span<const std::string> args, tools::ToolIo& io) {
  return tools::RunGuarded(kName, io, [&] { return RunTool(args, io); });
}

}  // namespace dcp::finetune
