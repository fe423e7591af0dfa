// dcp-eval task, from the options to the report.
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>

#include "common/files.h"
#include "common/format.h"
#include "common/measure.h"
#include "common/model_options.h"
#include "common/model_tokenizer.h"
#include "common/option_group.h"
#include "common/progress.h"
#include "common/ranks/ranks.h"
#include "common/report_file.h"
#include "common/table.h"
#include "dcp-eval/scoring/blocks.h"
#include "dcp-eval/subcommands.h"
#include "dcp-eval/task/scores.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {
namespace {

constexpr ToolText kText = {
    "task", "zero-shot accuracy on LAMBADA, HellaSwag, PIQA, WinoGrande and cloze files",
    "Scored as lm-evaluation-harness does: acc_norm divides log-likelihoods by the length of the choice in code\n"
    "points, acc_bytes in UTF-8 bytes; acc of lambada means that every token of the last word is the most likely one; "
    "its\n"
    "perplexity is exp of the mean NLL of the last word. Contexts longer than the model's positions are cut on the\n"
    "left.\n"
    "Standard errors are sample deviation / sqrt(n), that of the perplexity by the delta method.\n"
    "\n"
    "Examples:\n"
    "  dcp-eval task --task lambada --data lambada_test.jsonl --model models/books --policy dense --json\n"
    "  dcp-eval task --task piqa --data valid.jsonl --labels valid-labels.lst --model models/books\n"};

struct Options {
  ModelToolOptions model;
  TaskKind task = TaskKind::kLambada;
  TaskFiles files;
  size_t batch = 8;  // contexts that run together
  std::optional<std::string> per_example_file;
  std::optional<std::string> resume_file;
  bool json = false;
};

void AddOptions(CLI::App& app, Options& options) {
  const OptionGroup task(app, "Task");
  task("--task", options.task, "lambada, hellaswag, piqa, winogrande or cloze", "NAME", OneOf(TaskNames())).Required();
  task("--data", options.files.data, "The examples, in the data set's own format; - is stdin", "FILE").Required();
  task("--labels", options.files.labels, "piqa: the right answers, 0 or 1 a line; default: field \"label\"", "FILE");
  task("--limit", options.files.limit, "Only the first N examples; default: 0, all", "N");
  AddBatch(task, options.batch, "Contexts");
  AddModelOptions(app, options.model);
  const OptionGroup output(app, "Output");
  output.Flag("--json", options.json, "One JSON document instead of a table");
  output("--per-example", options.per_example_file, "Write the NLL of every choice of every example, as a JSON array",
         "FILE");
  AddResume(output, options.resume_file);
}

// The examples as questions: choices that share their ids of context are one.
struct Questions {
  std::vector<Question> questions;
  std::vector<size_t> first;  // [examples + 1] first question of each example
  size_t cut = 0;             // choices whose context lost ids on the left
};

Questions MakeQuestions(const Options& options, std::span<const TaskExample> examples, const Tokenizer& tokenizer,
                        const Model& model, ToolIo& io) {
  Questions made;
  for (const TaskExample& example : examples) {
    if (io.interrupted) throw Interrupted{};
    made.first.push_back(made.questions.size());
    const std::string source = DisplayName(options.files.data) + ": line " + std::to_string(example.line);
    for (const TaskChoice& choice : example.choices) {
      IdPair pair = EncodePair(choice.context, choice.continuation, tokenizer, source);
      if (CutLeft(pair, model.config().n_positions, source) > 0) ++made.cut;
      const bool shares = made.questions.size() > made.first.back() && made.questions.back().context == pair.context;
      if (!shares) made.questions.push_back({source, std::move(pair.context), {}});
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
TableRow ReportRow(const Options& options, const TaskScores& scores, const std::string& policy) {
  TableRow row;
  row.Add("task", NameOf(options.task)).Show("task");
  row.Add("data", DisplayName(options.files.data));
  row.Add("policy", policy).Show("policy");
  row.Add("examples", scores.examples).Show("examples", "%.0f");
  row.AddMean("acc", scores.accuracy).Show("acc", "%.4f");
  if (options.task == TaskKind::kLambada) {
    // The delta method: the slope of exp at the mean.
    MeanError perplexity{scores.perplexity, scores.nll.error};
    if (perplexity.error) *perplexity.error *= scores.perplexity;
    row.AddMean("perplexity", perplexity).Show("perplexity", "%.4f");
  } else if (options.task != TaskKind::kWinoGrande) {
    row.AddMean("acc_norm", scores.accuracy_per_letter).Show("acc_norm", "%.4f");
    row.AddMean("acc_bytes", scores.accuracy_per_byte).Show("acc_bytes", "%.4f");
  }
  row.Add("sparsity", scores.sparsity).Add("mean_context", scores.fed_per_choice);
  row.ShowText("sparsity at the end",
               Format("%.4f at a mean context of %.1f tokens", scores.sparsity, scores.fed_per_choice));
  return row;
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

int Run(const Options& options, ToolIo& io) {
  if (options.files.labels && options.task != TaskKind::kPiqa) {
    RejectInput("--labels is for piqa, the task is " + NameOf(options.task) + ", whose files hold their answers");
  }
  ReportFile per_example(options.per_example_file, io);
  ResultStore store(options.resume_file);
  const std::vector<TaskExample> examples = ReadTask(options.task, options.files, io);
  const auto model = LoadModel(options.model, io);
  const ModelTokenizer tokenizer(options.model, *model, io);
  ThreadPool pool(Ranks::Ours().ThreadsFor(options.model.threads));
  const SessionOptions session_options = MakeSessionOptions(options.model, *model);
  const Session session(model, pool, session_options);
  const ScoringPlan plan{[&] { return Session(model, pool, session_options); }, pool, options.batch,
                         ScoringKey(session, ResolvePolicy(options.model, *model).threshold)};
  const Questions questions = MakeQuestions(options, examples, tokenizer.Need("--data"), *model, io);

  const size_t total = ContinuationScorer::TokensToFeed(questions.questions);
  const double start = SecondsNow();
  std::vector<ExampleScore> judged;
  {
    Progress progress(io.err, {"scoring", "tokens", static_cast<double>(total), io.err_is_terminal, {}});
    auto scores = ScoreQuestions(
        1, [&](size_t) { return plan; }, options.batch, questions.questions, plan.key, store, progress, io);
    judged = JudgeAll(examples, questions, std::move(scores[0]));
  }
  if (!Ranks::Ours().first()) return io.interrupted ? kExitInterrupted : kExitDone;
  const double seconds = SecondsNow() - start;
  if (judged.size() < examples.size()) {
    io.err << "dcp-eval: interrupted after " << judged.size() << " of " << examples.size() << " examples\n";
    if (judged.empty()) return kExitInterrupted;
  } else if (per_example) {
    per_example.Commit(PerExample(examples, judged));
  }
  TableRow row = ReportRow(options, SummariseTask(judged), session.policy().name());
  row.Add("contexts_cut", questions.cut).Show("contexts cut", "%.0f");
  row.Add("seconds", seconds);
  row.Add("tokens_per_s", seconds > 0 ? static_cast<double>(total) / seconds : 0).Show("tokens/s", "%.0f");
  WriteOut(io, options.json ? Dump(row.json()) : ToListing(row));
  return io.interrupted ? kExitInterrupted : kExitDone;
}

}  // namespace

Subcommand TaskCommand() { return MakeSubcommand(kText, AddOptions, Run); }

}  // namespace dcp::tools
