#include "dcp-eval/task/scores.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "common/text_size.h"

namespace dcp::tools {

ExampleScore JudgeExample(const TaskExample& example, std::vector<ContinuationScore> scores) {
  ExampleScore judged;
  judged.choices = std::move(scores);
  if (example.choices.size() == 1) {  // LAMBADA: nothing to choose from
    judged.right = judged.right_per_letter = judged.right_per_byte = judged.choices[0].greedy;
    return judged;
  }
  const auto best = [&](const auto& length) {
    std::vector<double> values;
    for (size_t i = 0; i < judged.choices.size(); ++i) {
      values.push_back(-judged.choices[i].nll / static_cast<double>(length(example.choices[i].text)));
    }
    return static_cast<size_t>(std::max_element(values.begin(), values.end()) - values.begin());
  };
  judged.right = best([](const std::string&) { return 1; }) == example.gold;
  judged.right_per_letter = best([](const std::string& text) { return SizeOf(text).characters; }) == example.gold;
  judged.right_per_byte = best([](const std::string& text) { return text.size(); }) == example.gold;
  return judged;
}

TaskScores SummariseTask(std::span<const ExampleScore> examples) {
  std::vector<double> right, per_letter, per_byte, nll;
  TaskScores scores;
  scores.examples = examples.size();
  size_t choices = 0;
  for (const ExampleScore& example : examples) {
    right.push_back(example.right);
    per_letter.push_back(example.right_per_letter);
    per_byte.push_back(example.right_per_byte);
    nll.push_back(example.choices[0].nll);
    for (const ContinuationScore& choice : example.choices) {
      scores.sparsity += choice.sparsity;
      scores.fed_per_choice += static_cast<double>(choice.fed);
      ++choices;
    }
  }
  scores.accuracy = MeanWithError(right);
  scores.accuracy_per_letter = MeanWithError(per_letter);
  scores.accuracy_per_byte = MeanWithError(per_byte);
  scores.nll = MeanWithError(nll);
  scores.perplexity = std::exp(scores.nll.mean);
  scores.sparsity /= static_cast<double>(choices);
  scores.fed_per_choice /= static_cast<double>(choices);
  return scores;
}

}  // namespace dcp::tools
