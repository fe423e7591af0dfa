#include "dcp-eval/task/task.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>

#include "common/files.h"
#include "common/json.h"
#include "common/progress.h"
#include "dcp-eval/scoring/text_rules.h"
#include "dcp/error.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {
namespace {

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

void CheckOptions(const TaskOptions& options, TaskKind task) {
  if (options.limit < 0) Reject("--limit is " + std::to_string(options.limit) + ", at least 0 is needed");
  if (options.batch < 1) Reject("--batch is " + std::to_string(options.batch) + ", at least 1 is needed");
  if (options.labels && task != TaskKind::kPiqa) {
    Reject("--labels is for piqa, the task is " + options.task + ", whose files hold their answers");
  }
}

// The examples as questions: choices that share their ids of context are one.
struct Questions {
  std::vector<Question> questions;
  std::vector<size_t> first;  // [examples + 1] first question of each example
  size_t cut = 0;             // choices whose context lost ids on the left
};

Questions MakeQuestions(const TaskOptions& options, std::span<const TaskExample> examples, const Tokenizer& tokenizer,
                        const Model& model, ToolIo& io) {
  Questions made;
  for (const TaskExample& example : examples) {
    if (io.interrupted) throw Interrupted{};
    made.first.push_back(made.questions.size());
    const std::string source = DisplayName(options.data) + ": line " + std::to_string(example.line);
    for (const TaskChoice& choice : example.choices) {
      IdPair pair = EncodePair(choice.context, choice.continuation, tokenizer, source);
      if (CutLeft(pair, model.config().n_positions, source) > 0) ++made.cut;
      const bool shares = made.questions.size() > made.first.back() && made.questions.back().context == pair.context;
      if (!shares) made.questions.push_back({std::move(pair.context), {}});
      made.questions.back().continuations.push_back(std::move(pair.continuation));
    }
  }
  made.first.push_back(made.questions.size());
  return made;
}

// Examples all of whose questions were scored.
std::vector<ExampleScore> JudgeAll(std::span<const TaskExample> examples, const Questions& questions,
                                   QuestionScores scores) {
  std::vector<ExampleScore> judged;
  for (size_t i = 0; i < examples.size() && questions.first[i + 1] <= scores.size(); ++i) {
    std::vector<ContinuationScore> choices;
    for (size_t q = questions.first[i]; q < questions.first[i + 1]; ++q) {
      std::move(scores[q].begin(), scores[q].end(), std::back_inserter(choices));
    }
    judged.push_back(JudgeExample(examples[i], std::move(choices)));
  }
  return judged;
}

// The measures that lm-evaluation-harness reports for the task, by its names.
Json ReportDocument(const TaskOptions& options, TaskKind task, const TaskScores& scores, const Session& session) {
  Json document;
  document["task"] = options.task;
  document["data"] = DisplayName(options.data);
  document["policy"] = session.policy().name();
  AddMean(document, "acc", scores.accuracy);
  if (task == TaskKind::kLambada) {
    document["perplexity"] = scores.perplexity;
    // The delta method: the slope of exp at the mean.
    document["perplexity_stderr"] = scores.nll.error ? Json(scores.perplexity * *scores.nll.error) : Json();
  } else if (task != TaskKind::kWinoGrande) {
    AddMean(document, "acc_norm", scores.accuracy_per_letter);
    AddMean(document, "acc_bytes", scores.accuracy_per_byte);
  }
  document["sparsity"] = scores.sparsity;
  document["mean_context"] = scores.fed_per_choice;
  return document;
}

std::string Number(const Json& value, const char* format) {
  if (value.is_null()) return "-";
  char text[48];
  std::snprintf(text, sizeof text, format, value.get<double>());
  return text;
}

std::string ReportTable(const Json& document) {
  std::string table;
  const auto row = [&table](const char* name, const std::string& value) {
    char line[200];
    std::snprintf(line, sizeof line, "%-22s %s\n", name, value.c_str());
    table += line;
  };
  row("task", document["task"].get<std::string>());
  row("policy", document["policy"].get<std::string>());
  row("examples", Number(document["examples"], "%.0f"));
  for (const char* measure : {"acc", "acc_norm", "acc_bytes", "perplexity"}) {
    if (!document.contains(measure)) continue;
    row(measure,
        Number(document[measure], "%.4f") + " +- " + Number(document[std::string(measure) + "_stderr"], "%.4f"));
  }
  row("sparsity at the end", Number(document["sparsity"], "%.4f") + " at a mean context of " +
                                 Number(document["mean_context"], "%.1f") + " tokens");
  row("contexts cut", Number(document["contexts_cut"], "%.0f"));
  row("speed", Number(document["tokens_per_s"], "%.0f") + " tokens/s");
  return table;
}

std::string PerExample(std::span<const TaskExample> examples, std::span<const ExampleScore> scores) {
  Json all = Json::array();
  for (size_t i = 0; i < scores.size(); ++i) {
    Json one;
    one["line"] = examples[i].line;
    one["gold"] = examples[i].gold;
    one["right"] = scores[i].right;
    for (const ContinuationScore& choice : scores[i].choices) {
      one["nll"].push_back(choice.nll);
      one["greedy"].push_back(choice.greedy);
    }
    all.push_back(std::move(one));
  }
  return Dump(all);
}

}  // namespace

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
  judged.right_per_letter = best([](const std::string& text) { return CodePoints(text); }) == example.gold;
  judged.right_per_byte = best([](const std::string& text) { return text.size(); }) == example.gold;
  return judged;
}

TaskScores SummariseTask(std::span<const ExampleScore> examples) {
  std::vector<double> right, per_letter, per_byte, nll;
  TaskScores scores;
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

int RunTask(const TaskOptions& options, ToolIo& io) {
  const TaskKind task = ParseTask(options.task);
  CheckOptions(options, task);
  const auto per_example = options.per_example_file ? std::make_unique<OutputFile>(*options.per_example_file) : nullptr;
  const std::vector<TaskExample> examples =
      ReadTask(task, {options.data, options.labels, static_cast<size_t>(options.limit)}, io);
  const auto model = LoadModel(options.model, io);
  const auto tokenizer = LoadTokenizer(options.model, *model, io);
  ThreadPool pool(options.model.threads);
  Session session(model, pool, MakeSessionOptions(options.model, *model));
  const Questions questions =
      MakeQuestions(options, examples, NeedTokenizer(tokenizer, options.model, "--data"), *model, io);

  const size_t total = ContinuationScorer::TokensToFeed(questions.questions);
  const auto start = std::chrono::steady_clock::now();
  std::vector<ExampleScore> judged;
  {
    Progress progress(io.err, {"scoring", "tokens", static_cast<double>(total), io.err_is_terminal, {}});
    ContinuationScorer scorer(session, pool, static_cast<size_t>(options.batch));
    judged = JudgeAll(examples, questions, scorer.Score(questions.questions, [&](size_t fed) {
      progress.Update(static_cast<double>(fed));
      return !io.interrupted;
    }));
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (judged.size() < examples.size()) {
    io.err << "dcp-eval: interrupted after " << judged.size() << " of " << examples.size() << " examples\n";
    if (judged.empty()) return kExitInterrupted;
  } else if (per_example) {
    per_example->Commit(PerExample(examples, judged));
  }
  Json document = ReportDocument(options, task, SummariseTask(judged), session);
  document["examples"] = judged.size();
  document["contexts_cut"] = questions.cut;
  document["seconds"] = seconds;
  document["tokens_per_s"] = seconds > 0 ? static_cast<double>(total) / seconds : 0;
  WriteOut(io, options.json ? Dump(document) : ReportTable(document));
  return io.interrupted ? kExitInterrupted : kExitDone;
}

}  // namespace dcp::tools
