#include "dcp-finetune/finetune_tool.h"

#include "common/json.h"
#include "dcp-finetune/check_gradients.h"

namespace dcp::finetune {
namespace {

constexpr char kName[] = "dcp-finetune";

int RunTool(std::span<const std::string> args, tools::ToolIo& io) {
  CLI::App app("Teaches a GPT-2 what to forget", kName);
  std::string base, golden;
  bool json = false, exact = false;
  CLI::App* check =
      app.add_subcommand("check-gradients", "Losses and gradient norms of a golden file's training batch");
  check->add_option("--base", base, "Model directory")->type_name("DIR")->required();
  check->add_option("--golden", golden, "golden.json")->type_name("FILE")->required();
  check->add_flag("--json", json, "Print the report");
  check->add_flag("--exact", exact, "Training's own sparse sigmoid instead of the float bisection of golden files");
  if (const std::optional<int> status = tools::ParseArguments(app, args, io)) return *status;
  const tools::Json report = CheckGradients(base, golden, exact, torch::kCPU);
  if (json) {
    tools::WriteOut(io, tools::Dump(report));
  }
  const GradientDifference difference = CompareWithGolden(report, golden);
  io.err << "largest relative difference: losses " << difference.loss << ", gradient norms " << difference.gradient
         << "\n";
  return tools::kExitDone;
}

}  // namespace

int FinetuneMain(std::span<const std::string> args, tools::ToolIo& io) {
  return tools::RunGuarded(kName, io, [&] { return RunTool(args, io); });
}

}  // namespace dcp::finetune
