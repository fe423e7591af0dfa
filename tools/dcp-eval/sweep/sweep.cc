// dcp-eval sweep, from the options to the report.
#include <cmath>
#include <ostream>
#include <utility>

#include "common/format.h"
#include "common/measure.h"
#include "common/progress.h"
#include "common/report_file.h"
#include "dcp-eval/subcommands.h"
#include "dcp-eval/sweep/kept_budget.h"
#include "dcp-eval/sweep/plan.h"
#include "dcp-eval/sweep/report.h"
#include "dcp-eval/sweep/row_store.h"
#include "dcp/thread_pool.h"
#include "support/hash.h"

namespace dcp::tools {
namespace {

std::string NameOf(const ModelEntry& entry) {
  return entry.model + (entry.adapter.empty() ? "" : " with " + entry.adapter);
}

// The same number for the same windows of the same tokens.
uint64_t HashOf(std::span<const Document> documents, std::span<const Window> windows) {
  uint64_t hash = kFnvBasis;
  const auto add = [&hash](uint64_t value) { hash = FnvStep(hash, value); };
  for (const Window& window : windows) {
    add(window.document);
    add(window.first_scored - window.begin);
    add(window.length());
    for (size_t i = window.begin; i < window.end; ++i) {
      add(static_cast<uint64_t>(documents[window.document].ids[i]));
    }
  }
  return hash;
}

class Sweep {
 public:
  Sweep(const SweepOptions& options, ToolIo& io)
      : options_(options), io_(io), store_(options.resume_file, io), pool_(options.run.threads) {}

  // Everything that can be wrong is found before the first row.
  void Prepare();
  SweepResult Run();

 private:
  std::shared_ptr<const Model> LoadComparable(const ModelEntry& entry);
  void CheckModels();
  void Compare();
  bool RunJobs(const char* phase, const std::vector<SweepJob>& jobs);
  bool RunJob(const SweepJob& job, Progress& progress, double fed_before);
  Json KeyOf(const SweepJob& job, const Session& session) const;
  void Say(const SweepRow& row, size_t rows);

  const SweepOptions& options_;
  ToolIo& io_;
  RowStore store_;
  ThreadPool pool_;
  ModelList list_;
  std::optional<LoadedModels> models_;
  std::vector<Document> documents_;
  std::vector<Window> windows_;
  double tokens_ = 0;  // of all windows: what a row feeds
  uint64_t text_hash_ = 0;
  SweepResult result_;
};

std::shared_ptr<const Model> Sweep::LoadComparable(const ModelEntry& entry) {
  auto model = models_->Get(entry);
  const ModelConfig& config = model->config();
  const int vocabulary = models_->control()->config().vocab_size;
  if (config.vocab_size != vocabulary) {
    RejectInput(NameOf(entry) + ": vocab_size is " + std::to_string(config.vocab_size) + ", the dense control has " +
                std::to_string(vocabulary));
  }
  if (config.n_positions < result_.shape.context) {
    RejectInput(NameOf(entry) + ": n_positions is " + std::to_string(config.n_positions) + ", the context is " +
                std::to_string(result_.shape.context));
  }
  CheckSameTokenizer(list_.control, entry);
  return model;
}

void Sweep::CheckModels() {
  std::vector<ModelEntry> learned;
  for (const ModelEntry& variant : list_.variants) {
    if (LoadComparable(variant)->has_interaction()) {
      learned.push_back(variant);
    } else if (!variant.SameModel(list_.control)) {
      RejectInput(NameOf(variant) + ": has no interaction tensors, which its learned rows need");
    }
  }
  list_.variants = learned;
  for (const TunedBaseline& baseline : list_.baselines) LoadComparable(baseline.model);
}

void Sweep::Prepare() {
  list_ = ReadModelList(options_.models, io_);
  models_.emplace(options_.run, list_.control, io_);
  const Model& control = *models_->control();
  result_.shape = ResolveShape(options_.text, control);
  CheckModels();
  documents_ = ReadDocuments(options_.text, list_.control, control, io_);
  windows_ = SpreadOut(CutWindows(documents_, result_.shape, io_), options_.max_windows);
  if (windows_.empty()) RejectInput("the texts: nothing to score, no document has 2 tokens");
  for (const Window& window : windows_) tokens_ += static_cast<double>(window.fed());
  text_hash_ = HashOf(documents_, windows_);
  result_.windows = windows_.size();
  result_.weights = ToString(control.weight_type());
  result_.kv = ToString(options_.run.kv);
  result_.threads = pool_.threads();
  result_.units = ChooseUnits(windows_);
  result_.bootstrap_samples = options_.bootstrap;
  result_.seed = options_.run.seed;
  result_.buckets = PositionBuckets(static_cast<size_t>(result_.shape.context + result_.shape.rolling));
}

SweepResult Sweep::Run() {
  result_.complete = RunJobs("sweep, 1 of 2: dense and learned", PlanLearned(list_, options_));
  if (result_.complete) {
    const auto jobs =
        PlanBaselines(list_, options_, result_.rows, PredictingPositions(windows_), result_.shape.context);
    result_.complete = RunJobs("sweep, 2 of 2: baselines", jobs);
  }
  if (!result_.rows.empty()) Compare();
  return std::move(result_);
}

// Every row beside the control, over the same draws.
void Sweep::Compare() {
  const size_t units = result_.units.count;
  const Bootstrap bootstrap(units, units < 2 ? 0 : result_.bootstrap_samples, result_.seed);
  const SweepRow& control = result_.rows[0];
  for (SweepRow& row : result_.rows) {
    const double perplexity = row.report.perplexity;
    row.perplexity = bootstrap.Of(perplexity, row.units, [](double nll) { return std::exp(nll); });
    row.ratio = bootstrap.Of(perplexity / control.report.perplexity, row.units, control.units,
                             [](double nll, double dense) { return std::exp(nll - dense); });
  }
}

bool Sweep::RunJobs(const char* phase, const std::vector<SweepJob>& jobs) {
  const size_t rows = result_.rows.size() + jobs.size();
  Progress progress(io_.err, {phase, "tokens", tokens_ * static_cast<double>(jobs.size()), io_.err_is_terminal, {}});
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (!RunJob(jobs[i], progress, tokens_ * static_cast<double>(i))) return false;
    progress.Hide();
    Say(result_.rows.back(), rows);
  }
  return true;
}

Json Sweep::KeyOf(const SweepJob& job, const Session& session) const {
  const Model& model = session.model();
  return {{"model", model.fingerprint()},
          {"weights", ToString(model.weight_type())},
          {"kv", ToString(options_.run.kv)},
          {"prefill_chunk", options_.run.prefill_chunk},
          {"batch", options_.text.batch},
          {"threads", pool_.threads()},
          {"policy", session.policy().name()},
          {"threshold", ShortestDouble(job.policy.threshold)},
          {"text", text_hash_}};
}

// False: interrupted, and the row is not there.
bool Sweep::RunJob(const SweepJob& job, Progress& progress, double fed_before) {
  SessionOptions session_options = MakeSessionOptions(options_.run, *models_->control());
  session_options.policy = MakePolicy(job.policy, result_.shape.context);
  session_options.record_drops = true;  // kept tokens are counted from them
  Session session(models_->Get(job.model), pool_, session_options);
  SweepRow row;
  const Json key = KeyOf(job, session);
  if (!store_.Find(key, row)) {
    const double start = SecondsNow();
    WindowScorer scorer(session, pool_, options_.text.batch);
    const ScoredWindows scored = scorer.Score(documents_, windows_, [&](size_t fed_tokens) {
      progress.Update(fed_before + static_cast<double>(fed_tokens));
      return !io_.interrupted;
    });
    if (static_cast<double>(scored.fed_tokens) < tokens_) return false;
    const double seconds = SecondsNow() - start;
    row.policy = session.policy().name();
    row.tokens_per_s = seconds > 0 ? tokens_ / seconds : 0;
    SumUp(windows_, scored, result_.units, result_.buckets, row);
    store_.Add(key, row);
  }
  row.job = job;
  result_.rows.push_back(std::move(row));
  return true;
}

void Sweep::Say(const SweepRow& row, size_t rows) {
  io_.err << "dcp-eval: row " << result_.rows.size() - 1 << " (" << rows << " planned): " << row.policy << ", "
          << OneLine(NameOf(row.job.model))
          << Format(": perplexity %.4g, %.4g tokens kept, sparsity %.3f\n", row.report.perplexity, row.kept,
                    row.report.sparsity)
          << std::flush;
}

int Run(const SweepOptions& options, ToolIo& io) {
  CheckCorpusOptions(options.text);
  ReportFile json(options.json_file, io), csv(options.csv_file, io), plot(options.plot_file, io),
      plot_position(options.plot_position_file, io);
  Sweep sweep(options, io);
  sweep.Prepare();
  const SweepResult result = sweep.Run();
  if (!result.complete) {
    io.err << "dcp-eval: interrupted after " << result.rows.size() << " rows\n";
    if (result.rows.empty()) return kExitInterrupted;
  }
  if (!json.to_stdout()) WriteOut(io, SweepTable(result));
  if (json) json.Commit(Dump(SweepDocument(result)));
  if (csv) csv.Commit(SweepCsv(result));
  if (plot) plot.Commit(RenderSvg(PlotSweep(result)));
  if (plot_position) plot_position.Commit(RenderSvg(PlotPositions(result)));
  return result.complete ? kExitDone : kExitInterrupted;
}

constexpr ToolText kText = {
    "sweep", "perplexity against sparsity: many policies and budgets over one text",
    "Rows: the dense control; each model's learned policy at each threshold; each baseline with the number of tokens\n"
    "that each learned row keeps in the mean, and at --budgets. Every row scores the same windows.\n"
    "\n"
    "Examples:\n"
    "  dcp-eval sweep --manifest models/manifest.json --text books/ --json sweep.json --plot sweep.svg\n"
    "  dcp-eval sweep --model models/books --text a.txt --thresholds -0.5,0,0.5 --budgets 0.5,0.8\n"
    "  dcp-eval sweep --model base --adapter a --adapter b --text books/ --max-windows 50 --resume rows.jsonl\n"
    "\n"
    "Ctrl-C ends the sweep with a report of the rows that are done (exit status 130).\n"};

}  // namespace

Subcommand SweepCommand() { return MakeSubcommand(kText, AddSweepOptions, Run); }

}  // namespace dcp::tools
