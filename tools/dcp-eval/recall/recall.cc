// dcp-eval recall, from the options to the report.
#include <algorithm>
#include <memory>
#include <utility>

#include "common/files.h"
#include "common/model_tokenizer.h"
#include "common/progress.h"
#include "common/ranks/ranks.h"
#include "common/report_file.h"
#include "dcp-eval/recall/report.h"
#include "dcp-eval/scoring/blocks.h"
#include "dcp-eval/subcommands.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {
namespace {

// How a session of one series runs.
SessionOptions OptionsOf(const RecallOptions& options, const Model& model, const std::string& policy) {
  ModelToolOptions one = options.run;
  one.policy = ParsePolicy(policy);
  if (!IsLearned(policy)) one.threshold.reset();
  return MakeSessionOptions(one, model);
}

std::string NameOfVariant(const ModelEntry& entry) {
  if (entry.gamma) return ", gamma " + Json(*entry.gamma).dump();
  return ", " + FolderName(entry.adapter.empty() ? entry.model : entry.adapter);
}

// Dense and the training-free policies on the control, learned on every variant that can.
std::vector<RecallSeries> PlanSeries(const RecallOptions& options, const ModelList& list) {
  std::vector<RecallSeries> series = {{list.control, "dense", "dense"}};
  std::vector<std::string> policies = options.policies;
  if (policies.empty() && !list.variants.empty()) policies = {"learned"};
  for (const std::string& policy : policies) {
    if (!IsLearned(policy)) {
      const bool there = std::any_of(series.begin(), series.end(), [&](const auto& s) { return s.policy == policy; });
      if (!there) series.push_back({list.control, policy, policy});
      continue;
    }
    for (const ModelEntry& variant : list.variants) {
      series.push_back({variant, policy, policy + (list.variants.size() > 1 ? NameOfVariant(variant) : "")});
    }
  }
  return series;
}

// Variants without interaction tensors run no learned policy.
void KeepLearned(ModelList& list, const RecallOptions& options) {
  std::erase_if(list.variants,
                [](const ModelEntry& entry) { return ReadModelConfig(entry.model, entry.adapter).int_n_embd == 0; });
  const auto& policies = options.policies;
  if (list.variants.empty() && std::any_of(policies.begin(), policies.end(), IsLearned)) {
    RejectInput(list.control.model + ": --policy learned needs interaction tensors, none of the models has them");
  }
}

// One cell of the report: its trials, and which it is.
struct Cell {
  RecallKind kind;
  size_t distance;
  std::vector<RecallTrial> trials;
};

std::vector<Cell> MakeCells(const RecallOptions& options, const RecallTrials& trials, int positions, ToolIo& io) {
  std::vector<Cell> cells;
  for (const RecallKind kind : options.kinds) {
    for (const int distance : options.distances) {
      Cell cell{kind, static_cast<size_t>(distance), {}};
      auto longest = options.shape.lead + cell.distance;  // and more, as its trials tell
      for (size_t i = 0; i < static_cast<size_t>(options.trials) && longest <= static_cast<size_t>(positions); ++i) {
        cell.trials.push_back(trials.Make(kind, i, cell.distance));
        longest = std::max(longest, RecallTrials::LongestSequence(cell.trials.back()));
      }
      if (longest <= static_cast<size_t>(positions)) {
        cells.push_back(std::move(cell));
      } else {
        io.err << "dcp-eval: warning: " << ToString(kind) << " at distance " << distance << ": left out, takes "
               << longest << " tokens or more, the model has " << positions << " positions\n";
      }
    }
  }
  if (cells.empty())
    RejectInput("--distances: none of them leaves a trial that fits the model's " + std::to_string(positions) +
                " positions");
  return cells;
}

std::vector<Question> AllQuestions(const std::vector<Cell>& cells) {
  std::vector<Question> questions;
  for (const Cell& cell : cells) {
    for (const RecallTrial& trial : cell.trials) questions.insert(questions.end(), trial.begin(), trial.end());
  }
  return questions;
}

// The rows of one series.
void Judge(const std::vector<Cell>& cells, const QuestionScores& scores, size_t series, std::vector<RecallRow>& rows) {
  size_t next = 0;
  for (const Cell& cell : cells) {
    RecallRow& row = rows.emplace_back(RecallRow{cell.kind, series, cell.distance, {}});
    for (const RecallTrial& trial : cell.trials) {
      row.trials.push_back(JudgeTrial(cell.kind, std::span(scores).subspan(next, trial.size())));
      next += trial.size();
    }
  }
}

class Recall {
 public:
  Recall(const RecallOptions& options, ToolIo& io)
      : options_(options), io_(io), store_(options.resume_file), pool_(Ranks::Ours().ThreadsFor(options.run.threads)) {}

  // Everything that can be wrong is found before the first question is asked.
  void Prepare();
  RecallResult Run();

 private:
  const RecallOptions& options_;
  ToolIo& io_;
  ResultStore store_;
  ThreadPool pool_;
  std::optional<LoadedModels> models_;
  std::vector<Cell> cells_;
  RecallResult result_;
};

void Recall::Prepare() {
  ModelList list = ReadModelList(options_.models, io_);
  KeepLearned(list, options_);
  models_.emplace(options_.run, list.control, io_);
  const Model& model = *models_->control();
  int positions = model.config().n_positions;
  for (const ModelEntry& variant : list.variants) {
    CheckSameTokenizer(list.control, variant);
    positions = std::min(positions, ReadModelConfig(variant.model, variant.adapter).n_positions);
  }
  const ModelTokenizer loaded(list.control, model, io_);
  const Tokenizer& tokenizer = loaded.Need("--text");
  const auto documents = ReadTexts(options_.texts, tokenizer, model, 0, io_);
  RecallShape shape = options_.shape;
  // Distances that no model has room for need no text either.
  for (const int distance : options_.distances) {
    shape.max_distance = std::max(shape.max_distance, static_cast<size_t>(std::min(distance, positions)));
  }
  shape.seed = options_.run.seed;
  cells_ = MakeCells(options_, RecallTrials(documents, tokenizer, shape), positions, io_);
  result_.series = PlanSeries(options_, list);
}

RecallResult Recall::Run() {
  const std::vector<Question> questions = AllQuestions(cells_);
  const auto tokens = static_cast<double>(ContinuationScorer::TokensToFeed(questions));
  Progress progress(io_.err,
                    {"asking", "tokens", tokens * static_cast<double>(result_.series.size()), io_.err_is_terminal, {}});
  Json identity = Json::array({options_.models.manifest});
  for (const RecallSeries& series : result_.series) identity.push_back(series.name);
  const auto plan = [this](size_t i) {
    const RecallSeries& series = result_.series[i];
    const auto model = models_->Get(series.model);
    const SessionOptions session_options = OptionsOf(options_, *model, series.policy);
    const Session session(model, pool_, session_options);
    const float threshold = IsLearned(series.policy) ? options_.run.threshold.value_or(0.0f) : 0.0f;
    return ScoringPlan{[this, model, session_options] { return Session(model, pool_, session_options); }, pool_,
                       options_.batch, ScoringKey(session, threshold)};
  };
  const auto scores =
      ScoreQuestions(result_.series.size(), plan, options_.batch, questions, identity, store_, progress, io_);
  for (size_t i = 0; i < scores.size() && scores[i].size() == questions.size(); ++i) {
    Judge(cells_, scores[i], i, result_.rows);
  }
  return std::move(result_);
}

constexpr ToolText kText = {
    "recall", "what is still known of what was said, over distances, for each policy",
    "Something is said early in a text and asked for `distance` tokens later (attention within a window of that many\n"
    "tokens just reaches it). fact: a sentence plants a name or a number, its beginning is repeated, and all\n"
    "candidates are scored; passage: a passage is repeated word for word. The gain is the NLL where it was not said\n"
    "before less the NLL where it was, at the same place; it shows recall in models far too small to answer right.\n"
    "`lost` is the gain of dense less that of the policy, in the same trials.\n"
    "\n"
    "Examples:\n"
    "  dcp-eval recall --model models/books --text books/ --policy learned --policy window:64\n"
    "  dcp-eval recall --manifest models/manifest.json --text books/ --policy learned --json --plot recall.svg\n"};

int Run(const RecallOptions& given, ToolIo& io) {
  CheckRecallOptions(given);
  RecallOptions options = given;
  std::sort(options.distances.begin(), options.distances.end());
  ReportFile plot(options.plot_file, io);
  Recall recall(options, io);
  recall.Prepare();
  const RecallResult result = recall.Run();
  if (!Ranks::Ours().first()) return io.interrupted ? kExitInterrupted : kExitDone;
  if (io.interrupted) {
    io.err << "dcp-eval: interrupted after " << (result.rows.empty() ? 0 : result.rows.back().series + 1) << " of "
           << result.series.size() << " policies\n";
    if (result.rows.empty()) return kExitInterrupted;
  }
  if (plot) plot.Commit(RecallSvg(options, result));
  WriteOut(io, options.json ? Dump(RecallDocument(options, result)) : RecallTable(result));
  return io.interrupted ? kExitInterrupted : kExitDone;
}

}  // namespace

Subcommand RecallCommand() { return MakeSubcommand(kText, AddRecallOptions, Run); }

}  // namespace dcp::tools
