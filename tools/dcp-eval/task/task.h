// dcp-eval task: zero-shot scores on public question files, as lm-evaluation-harness computes them, under any policy.
#ifndef DCP_TOOLS_DCP_EVAL_TASK_TASK_H_
#define DCP_TOOLS_DCP_EVAL_TASK_TASK_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/estimate.h"
#include "common/model_options.h"
#include "common/tool.h"
#include "dcp-eval/scoring/continuations.h"
#include "dcp-eval/task/files.h"

namespace dcp::tools {

struct TaskOptions {
  ModelToolOptions model;
  std::string task;  // a name that ParseTask knows
  std::string data;
  std::optional<std::string> labels;
  long long limit = 0;  // the first examples only; 0: all
  int batch = 8;        // contexts that run together
  std::optional<std::string> per_example_file;
  bool json = false;
};

// What one example came to.
struct ExampleScore {
  std::vector<ContinuationScore> choices;
  bool right = false;             // the gold choice is the likeliest; LAMBADA: every token of the last word is greedy
  bool right_per_letter = false;  // ... after dividing by the length of the choice in code points
  bool right_per_byte = false;    // ... in UTF-8 bytes
};

struct TaskScores {
  MeanError accuracy;
  MeanError accuracy_per_letter;
  MeanError accuracy_per_byte;
  MeanError nll;              // LAMBADA: of the last word, all its tokens together
  double perplexity = 0;      // LAMBADA: exp of that mean
  double sparsity = 0;        // mean over layers and requests, when the last fed token attends
  double fed_per_choice = 0;  // mean number of tokens before the last of the continuation: the context of `sparsity`
};

// Of equal scores the first choice counts. REQUIRES: one score for each choice.
ExampleScore JudgeExample(const TaskExample& example, std::vector<ContinuationScore> scores);

// REQUIRES: at least one example.
TaskScores SummariseTask(std::span<const ExampleScore> examples);

// Scores and reports; throws dcp::Error. Returns kExitDone or kExitInterrupted.
int RunTask(const TaskOptions& options, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_TASK_TASK_H_
