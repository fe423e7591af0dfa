#include "dcp-finetune/finetune_tool.h"

#include "common/json.h"
#include "dcp-finetune/bpe_trainer.h"
#include "dcp-finetune/check_gradients.h"
#include "dcp-finetune/corpus.h"
#include "dcp-finetune/exchange.h"
#include "dcp-finetune/launcher.h"
#include "dcp-finetune/model_directory.h"
#include "dcp-finetune/options.h"
#include "dcp-finetune/train.h"
#include "dcp/error.h"

namespace dcp::finetune {
namespace {

constexpr tools::ToolText kText = {
    "dcp-finetune", "Trains GPT-2 models, and teaches them what to forget",
    "Examples:\n"
    "  dcp-finetune --train-tokenizer 8192 --data books/ --out tokenizer/\n"
    "  dcp-finetune --init config.json --tokenizer tokenizer/ --data books/ --out base/ --steps 20000 --lr 1e-3\n"
    "  dcp-finetune --base gpt2/ --data books/ --out pruned/ --gamma 0.3 --steps 5000 --alpha cosine:1:8:4000\n"
    "  dcp-finetune --base gpt2/ --data books/ --out control/ --dense --steps 5000\n"
    "  dcp-finetune convert --base gpt2/ --out gpt2-safetensors/\n"
    "  dcp-finetune check-gradients --base golden/tiny --golden golden/tiny/golden.json --json\n"
    "\n"
    "A model that is in --out is left alone unless --resume goes on from its state, also of an interrupted run, or\n"
    "--overwrite trains a new one. The run's log is train.jsonl there. Of an only document the end is held out.\n"};

int RunTraining(Options options, std::span<const std::string> args, tools::ToolIo& io) {
  TrainOptions& train = options.train;
  if (options.dense && !train.gamma.empty())
    throw Error(ErrorCode::kInvalidArgument, "give --gamma or --dense, not both");
  if (options.processes == 1 && train.exchange.processes == 1) train.exchange = ExchangeOfEnvironment();
  if (options.processes == 1 || train.exchange.processes > 1) return Train(train, io);
  train.exchange.processes = options.processes;
  train.exchange.rendezvous = NewRendezvous().string();
  CheckTraining(train);  // what is wrong is said once, before any process starts
  return RunProcesses(args, train.exchange, train.threads, io);
}

int TrainTokenizer(const TrainOptions& options, int vocabulary, tools::ToolIo& io) {
  if (options.data.empty() || options.out.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "--train-tokenizer needs --data and --out");
  }
  if (!options.overwrite) {
    CheckNothingThere(options.out, {"vocab.json", "merges.txt", "tokenizer.json"}, "--overwrite");
  }
  const TextFiles texts(options.data, kEndOfText);
  ThreadPool pool(options.threads);
  const LearnedBpe bpe = TrainBpe(texts.documents(), vocabulary, pool);
  WriteTokenizer(bpe, options.out);
  io.err << "dcp-finetune: " << bpe.tokens.size() << " tokens, " << bpe.merges.size() << " merges from "
         << texts.documents().size() << " documents\n";
  return tools::kExitDone;
}

int RunGradientCheck(const GradientOptions& options, tools::ToolIo& io) {
  const GradientCheck check = CheckGradients(options.base, options.golden);
  if (options.json) tools::WriteOut(io, tools::Dump(check.report));
  io.err << "largest relative difference: losses " << check.loss << ", gradient norms " << check.gradient << "\n";
  return tools::kExitDone;
}

}  // namespace

int FinetuneMain(std::span<const std::string> args, tools::ToolIo& io) {
  Options options;
  const auto declare = [&](CLI::App& app) { AddOptions(app, options); };
  return tools::RunWithOptions(kText, args, io, declare, [&] {
    switch (options.command) {
      case Options::Command::kTrainTokenizer:
        return TrainTokenizer(options.train, options.vocabulary, io);
      case Options::Command::kCheckGradients:
        return RunGradientCheck(options.gradients, io);
      case Options::Command::kConvert:
        return Convert(options.convert, io);
      case Options::Command::kTrain:
        break;
    }
    return RunTraining(options, args, io);
  });
}

}  // namespace dcp::finetune
