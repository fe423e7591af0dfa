// What examples of a task come to.
#ifndef DCP_TOOLS_DCP_EVAL_TASK_SCORES_H_
#define DCP_TOOLS_DCP_EVAL_TASK_SCORES_H_

#include <span>
#include <vector>

#include "common/estimate.h"
#include "dcp-eval/scoring/continuations.h"
#include "dcp-eval/task/files.h"

namespace dcp::tools {

// What one example came to.
struct ExampleScore {
  std::vector<ContinuationScore> choices;
  bool right = false;             // the gold choice is the likeliest; LAMBADA: every token of the last word is greedy
  bool right_per_letter = false;  // ... after dividing by the length of the choice in code points
  bool right_per_byte = false;    // ... in UTF-8 bytes
};

struct TaskScores {
  size_t examples = 0;
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

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_TASK_SCORES_H_
