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

// The published code computes in float, and so every loss of the old form is one.
bool InFloat(const Json& soft) {
  return std::all_of(soft.begin(), soft.end(), [](const Json& entry) {
    const double loss = entry.value("lm_loss", 0.0);
    return loss == static_cast<float>(loss);
  });
}

Json LoadTraining(const std::filesystem::path& golden) {
  const Json document = tools::ParseJson(ReadFile(golden), golden.string());
  const auto fail = [&](const char* what) { throw Error(ErrorCode::kInvalidArgument, golden.string() + ": " + what); };
  if (!document.is_object() || !document.contains("training")) fail("has no object \"training\"");
  const Json& training = document["training"];
  if (!training.contains("soft") || !training["soft"].is_array() || training["soft"].empty()) {
    fail("training: has no array \"soft\"");
  }
  if (InFloat(training["soft"])) {
    fail("training has only the old form, float values of a rough sigmoid; take one with exact values");
  }
  return training;
}

// Rows of ids as a [B, T] tensor.
Tensor Matrix(const Json& rows) {
  std::vector<int64_t> values;
  for (const Json& row : rows) {
    for (const Json& value : row) values.push_back(value.get<int64_t>());
  }
  return torch::tensor(values, torch::kLong).view({static_cast<int64_t>(rows.size()), -1});
}

Json CheckAlpha(Parameters& parameters, const Tensor& ids, const Tensor& targets, double gamma,
                const SigmoidTable& sigmoid) {
  parameters.ZeroGradients();
  ForwardOptions options;
  options.sigmoid = &sigmoid;
  const ForwardResult result = Forward(parameters, ids, options);
  const Tensor loss = LmLoss(result.hidden.view({-1, result.hidden.size(2)}), parameters.Output(), targets.view({-1}),
                             {}, torch::kFloat);
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

double RelativeDifference(const Json& ours, const Json& theirs) {
  const double expected = theirs.get<double>();
  return std::abs(ours.get<double>() - expected) / std::max(std::abs(expected), 1e-12);
}

void Compare(const Json& ours, const Json& expected, GradientCheck& check) {
  for (const char* field : {"lm_loss", "mean_interaction_full_square"}) {
    check.loss = std::max(check.loss, RelativeDifference(ours.at(field), expected.at(field)));
  }
  for (const auto& [name, norm] : expected.at("grad_l2").items()) {
    check.gradient = std::max(check.gradient, RelativeDifference(ours.at("grad_l2").at(name), norm));
  }
}

}  // namespace

GradientCheck CheckGradients(const std::filesystem::path& base, const std::filesystem::path& golden) {
  try {
    const Json training = LoadTraining(golden);
    Parameters parameters = Parameters::Load(base, {}, Checkpoint::Open(base).config(), {}, 0, torch::kCPU);
    const Tensor ids = Matrix(training.at("batch_ids")), targets = Matrix(training.at("targets"));
    GradientCheck check{Json::array()};
    for (const Json& entry : training.at("soft")) {
      const SigmoidTable sigmoid(entry.at("alpha").get<double>());
      check.report.push_back(CheckAlpha(parameters, ids, targets, entry.at("gamma").get<double>(), sigmoid));
      Compare(check.report.back(), entry, check);
    }
    return check;
  } catch (const nlohmann::json::exception& e) {
    throw Error(ErrorCode::kInvalidArgument, golden.string() + ": training: " + e.what());
  }
}

}  // namespace dcp::finetune
