#include "dcp-finetune/check_gradients.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "dcp-finetune/lm_loss.h"
#include "dcp-finetune/model.h"
#include "dcp-finetune/parameters.h"
#include "dcp/error.h"
#include "io/checkpoint.h"
#include "support/files.h"

namespace dcp::finetune {
namespace {

using tools::Json;
using torch::Tensor;

Json LoadTraining(const std::filesystem::path& golden) {
  const Json document = tools::ParseJson(ReadFile(golden), golden.string());
  if (!document.is_object() || !document.contains("training")) {
    throw Error(ErrorCode::kInvalidArgument, golden.string() + ": has no object \"training\"");
  }
  return document["training"];
}

// Rows of ids as a [B, T] tensor.
Tensor Matrix(const Json& rows, torch::Device device) {
  std::vector<int64_t> values;
  for (const Json& row : rows) {
    for (const Json& value : row) values.push_back(value.get<int64_t>());
  }
  return torch::tensor(values, torch::kLong).view({static_cast<int64_t>(rows.size()), -1}).to(device);
}

Json CheckAlpha(Parameters& parameters, const Tensor& ids, const Tensor& targets, double gamma,
                const SigmoidTable& sigmoid) {
  parameters.ZeroGradients();
  ForwardOptions options;
  options.sigmoid = &sigmoid;
  const ForwardResult result = Forward(parameters, ids, options);
  const Tensor loss = LmLoss(result.hidden.view({-1, result.hidden.size(2)}), parameters["wte.weight"],
                             targets.view({-1}), {}, torch::kFloat);
  const Tensor interaction = FullSquareInteraction(result.kept);
  (loss + gamma * interaction).backward();
  Json entry = {{"alpha", sigmoid.alpha()},
                {"lm_loss", loss.item<double>()},
                {"mean_interaction_full_square", interaction.item<double>()},
                {"grad_l2", Json::object()}};
  for (const Parameter& parameter : parameters.all()) {
    entry["grad_l2"][parameter.name] = parameter.value.grad().to(torch::kDouble).norm().item<double>();
  }
  return entry;
}

double RelativeDifference(double ours, double theirs) {
  if (ours == theirs) return 0;
  return std::abs(ours - theirs) / std::max(std::abs(theirs), 1e-12);
}

}  // namespace

Json CheckGradients(const std::filesystem::path& base, const std::filesystem::path& golden, bool exact,
                    torch::Device device) {
  const ModelConfig config = Checkpoint::Open(base).config();
  Parameters parameters = Parameters::Load(base, {}, config, {}, 0, device);
  const Json training = LoadTraining(golden);
  try {
    const Tensor ids = Matrix(training.at("batch_ids"), device), targets = Matrix(training.at("targets"), device);
    Json report = Json::array();
    for (const Json& entry : training.at("soft")) {
      const double alpha = entry.at("alpha").get<double>();
      report.push_back(CheckAlpha(parameters, ids, targets, entry.at("gamma").get<double>(),
                                  exact ? SigmoidTable(alpha) : SigmoidTable::PublishedBisection(alpha)));
    }
    return report;
  } catch (const nlohmann::json::exception& e) {
    throw Error(ErrorCode::kInvalidArgument, golden.string() + ": training: " + e.what());
  }
}

GradientDifference Compare(const Json& report, const Json& expected) {
  GradientDifference difference;
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto number = [&](const Json& from, const char* field) { return from.at(i).at(field).get<double>(); };
    for (const char* field : {"lm_loss", "mean_interaction_full_square"}) {
      difference.loss = std::max(difference.loss, RelativeDifference(number(report, field), number(expected, field)));
    }
    for (const auto& [name, norm] : expected[i].at("grad_l2").items()) {
      const double ours = report.at(i).at("grad_l2").at(name).get<double>();
      difference.gradient = std::max(difference.gradient, RelativeDifference(ours, norm.get<double>()));
    }
  }
  return difference;
}

GradientDifference CompareWithGolden(const Json& report, const std::filesystem::path& golden) {
  return Compare(report, LoadTraining(golden).at("soft"));
}

}  // namespace dcp::finetune
