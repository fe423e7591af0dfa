#include "dcp-eval/recall/recall.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "common/files.h"
#include "common/progress.h"
#include "dcp-eval/recall/report.h"
#include "dcp/error.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {
namespace {

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

void RequireAtLeast(const char* option, int value, int least) {
  if (value >= least) return;
  Reject(std::string(option) + " is " + std::to_string(value) + ", at least " + std::to_string(least) + " is needed");
}

bool IsLearned(const std::string& policy) { return ParsePolicy(policy).kind == PolicySpec::Kind::kLearned; }

void CheckOptions(const RecallOptions& options) {
  if (options.texts.empty()) Reject("--text names what the trials are made of; none was given");
  RequireAtLeast("--trials", options.trials, 1);
  RequireAtLeast("--lead", options.lead, 1);
  RequireAtLeast("--passage", options.passage, 2);
  RequireAtLeast("--batch", options.batch, 1);
  RequireAtLeast("--candidates", options.candidates, 2);
  if (options.candidates > static_cast<int>(kMaxCandidates)) {
    Reject("--candidates is " + std::to_string(options.candidates) + ", at most " + std::to_string(kMaxCandidates) +
           " are there");
  }
  const auto& policies = options.policies;
  const bool learned = policies.empty() || std::any_of(policies.begin(), policies.end(), IsLearned);
  if (options.run.threshold && !learned) {
    Reject("--threshold moves the decision of the policy learned, which --policy does not list");
  }
}

ModelToolOptions OptionsOf(const RecallOptions& options, const ModelEntry& entry, const std::string& policy) {
  ModelToolOptions one = options.run;
  one.model = entry.model;
  one.adapter = entry.adapter;
  one.policy = ParsePolicy(policy);
  if (!IsLearned(policy)) one.threshold.reset();
  return one;
}

std::string NameOfVariant(const ModelEntry& entry) {
  if (entry.gamma) return ", gamma " + Json(*entry.gamma).dump();
  return ", " + std::filesystem::path(entry.adapter.empty() ? entry.model : entry.adapter)
                    .lexically_normal()
                    .filename()
                    .string();
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
    Reject(list.control.model + ": --policy learned needs interaction tensors, none of the models has them");
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
      auto longest = static_cast<size_t>(options.lead + distance);  // and more, as its trials tell
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
    Reject("--distances: none of them leaves a trial that fits the model's " + std::to_string(positions) +
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

RecallOutcome JudgeFact(std::span<const std::vector<ContinuationScore>> scores) {
  RecallOutcome outcome;
  for (size_t planted = 0; planted < 2; ++planted) {
    const std::vector<ContinuationScore>& candidates = scores[planted];
    const double nll = candidates[planted].nll;
    outcome.planted += nll / 2;
    outcome.unplanted += candidates[1 - planted].nll / 2;
    const auto ahead = std::count_if(candidates.begin(), candidates.end(), [&](const auto& c) { return c.nll < nll; });
    // Equal likelihoods tell nothing apart: they do not make an answer right.
    const auto equal = std::count_if(candidates.begin(), candidates.end(), [&](const auto& c) { return c.nll == nll; });
    outcome.right += ahead == 0 && equal == 1 ? 0.5 : 0.0;
    outcome.rank += (1 + static_cast<double>(ahead)) / 2;
    outcome.sparsity += candidates[planted].sparsity / 2;
  }
  return outcome;
}

RecallOutcome JudgePassage(std::span<const std::vector<ContinuationScore>> scores) {
  const auto per_token = [&](size_t i) {
    return scores[i][0].nll / static_cast<double>(scores[i][0].token_nll.size());
  };
  RecallOutcome outcome;
  outcome.planted = per_token(0);
  outcome.unplanted = per_token(1);
  outcome.first = per_token(2);
  outcome.sparsity = (scores[0][0].sparsity + scores[1][0].sparsity) / 2;
  return outcome;
}

template <typename Value>
MeanError MeanOf(const std::vector<RecallOutcome>& trials, const Value& value) {
  std::vector<double> values;
  for (size_t i = 0; i < trials.size(); ++i) values.push_back(value(i));
  return MeanWithError(values);
}

class Recall {
 public:
  Recall(const RecallOptions& options, ToolIo& io) : options_(options), io_(io), pool_(options.run.threads) {}

  // Everything that can be wrong is found before the first question is asked.
  void Prepare();
  RecallResult Run();

 private:
  const RecallOptions& options_;
  ToolIo& io_;
  ThreadPool pool_;
  std::vector<Cell> cells_;
  RecallResult result_;
};

void Recall::Prepare() {
  ModelList list = ReadModelList(options_.models, io_);
  KeepLearned(list, options_);
  const ModelToolOptions control = OptionsOf(options_, list.control, "dense");
  const auto model = LoadModel(control, io_);
  int positions = model->config().n_positions;
  for (const ModelEntry& variant : list.variants) {
    CheckSameTokenizer(list.control, variant, io_);
    positions = std::min(positions, ReadModelConfig(variant.model, variant.adapter).n_positions);
  }
  const auto tokenizer = LoadTokenizer(control, *model, io_);
  const auto documents = ReadTexts(options_.texts, NeedTokenizer(tokenizer, control, "--text"), *model, 0, io_);
  RecallShape shape;
  shape.lead = static_cast<size_t>(options_.lead);
  shape.passage = static_cast<size_t>(options_.passage);
  shape.candidates = static_cast<size_t>(options_.candidates);
  // Distances that no model has room for need no text either.
  for (const int distance : options_.distances) {
    shape.max_distance = std::max(shape.max_distance, static_cast<size_t>(std::min(distance, positions)));
  }
  shape.seed = options_.run.seed;
  cells_ = MakeCells(options_, RecallTrials(documents, *tokenizer, shape), positions, io_);
  result_.series = PlanSeries(options_, list);
}

RecallResult Recall::Run() {
  const std::vector<Question> questions = AllQuestions(cells_);
  const auto tokens = static_cast<double>(ContinuationScorer::TokensToFeed(questions));
  Progress progress(io_.err,
                    {"asking", "tokens", tokens * static_cast<double>(result_.series.size()), io_.err_is_terminal, {}});
  for (size_t i = 0; i < result_.series.size(); ++i) {
    const RecallSeries& series = result_.series[i];
    const ModelToolOptions one = OptionsOf(options_, series.model, series.policy);
    const auto model = LoadModel(one, io_);
    Session session(model, pool_, MakeSessionOptions(one, *model));
    ContinuationScorer scorer(session, pool_, static_cast<size_t>(options_.batch));
    const QuestionScores scores = scorer.Score(questions, [&](size_t fed) {
      progress.Update(tokens * static_cast<double>(i) + static_cast<double>(fed));
      return !io_.interrupted;
    });
    if (scores.size() < questions.size()) break;
    Judge(cells_, scores, i, result_.rows);
  }
  return std::move(result_);
}

}  // namespace

RecallOutcome JudgeTrial(RecallKind kind, std::span<const std::vector<ContinuationScore>> scores) {
  return kind == RecallKind::kFact ? JudgeFact(scores) : JudgePassage(scores);
}

MeanError RecallRow::gain() const {
  return MeanOf(trials, [&](size_t i) { return trials[i].gain(); });
}

MeanError RecallRow::LostAgainst(const RecallRow& dense) const {
  return MeanOf(trials, [&](size_t i) { return dense.trials[i].gain() - trials[i].gain(); });
}

MeanError RecallRow::accuracy() const {
  return MeanOf(trials, [&](size_t i) { return trials[i].right; });
}

RecallOutcome RecallRow::Mean() const {
  RecallOutcome mean;
  const auto n = static_cast<double>(trials.size());
  for (const RecallOutcome& trial : trials) {
    mean.planted += trial.planted / n;
    mean.unplanted += trial.unplanted / n;
    mean.first += trial.first / n;
    mean.right += trial.right / n;
    mean.rank += trial.rank / n;
    mean.sparsity += trial.sparsity / n;
  }
  return mean;
}

int RunRecall(const RecallOptions& options, ToolIo& io) {
  CheckOptions(options);
  const auto plot = options.plot_file ? std::make_unique<OutputFile>(*options.plot_file) : nullptr;
  Recall recall(options, io);
  recall.Prepare();
  const RecallResult result = recall.Run();
  if (io.interrupted) {
    io.err << "dcp-eval: interrupted after " << (result.rows.empty() ? 0 : result.rows.back().series + 1) << " of "
           << result.series.size() << " policies\n";
    if (result.rows.empty()) return kExitInterrupted;
  }
  if (plot) plot->Commit(RecallSvg(options, result));
  WriteOut(io, options.json ? Dump(RecallDocument(options, result)) : RecallTable(result));
  return io.interrupted ? kExitInterrupted : kExitDone;
}

}  // namespace dcp::tools
