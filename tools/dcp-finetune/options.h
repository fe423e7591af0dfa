// What the command line asks for.
#ifndef DCP_TOOLS_DCP_FINETUNE_OPTIONS_H_
#define DCP_TOOLS_DCP_FINETUNE_OPTIONS_H_

#include <string>

#include "dcp-finetune/convert/convert.h"
#include "dcp-finetune/train_options.h"

namespace CLI {
class App;
}

namespace dcp::finetune {

struct GradientOptions {
  std::string base;    // model directory
  std::string golden;  // golden.json
  bool json = false;   // print the report
};

struct Options {
  enum class Command { kTrain, kTrainTokenizer, kCheckGradients, kConvert };
  Command command = Command::kTrain;

  TrainOptions train;
  bool dense = false;  // the user says that there is to be no gamma
  int processes = 1;   // to start here
  int vocabulary = 0;  // of kTrainTokenizer, which also takes data, out and threads from `train`

  GradientOptions gradients;
  ConvertOptions convert;
};

// Declares all options and subcommands. `options` must outlive the parsing.
void AddOptions(CLI::App& app, Options& options);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_OPTIONS_H_
