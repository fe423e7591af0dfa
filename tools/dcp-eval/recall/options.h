// What dcp-eval recall can be told.
#ifndef DCP_TOOLS_DCP_EVAL_RECALL_OPTIONS_H_
#define DCP_TOOLS_DCP_EVAL_RECALL_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "common/model_options.h"
#include "dcp-eval/recall/trials.h"
#include "dcp-eval/scoring/model_list.h"

namespace dcp::tools {

struct RecallOptions {
  ModelListOptions models;
  ModelToolOptions run;  // all but model, adapter and policy
  std::vector<std::string> texts;
  std::vector<std::string> policies;  // beside dense; empty: learned, where a model has interaction tensors
  std::vector<RecallKind> kinds = {RecallKind::kFact, RecallKind::kPassage};
  std::vector<int> distances = {32, 64, 128, 256, 512, 900};  // tokens
  int trials = 100;
  RecallShape shape;  // lead, passage, candidates
  size_t batch = 8;   // questions that run together
  std::optional<std::string> plot_file;
  std::optional<std::string> resume_file;
  bool json = false;
};

void AddRecallOptions(CLI::App& app, RecallOptions& options);

// Throws dcp::Error(kInvalidArgument) for what can be known to be wrong before a model is loaded.
void CheckRecallOptions(const RecallOptions& options);

// Whether a policy, as on the command line, is the trained one.
bool IsLearned(const std::string& policy);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_RECALL_OPTIONS_H_
