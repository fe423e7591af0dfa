// dcp-eval sweep, from the options to the report.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <ostream>
#include <utility>

#include "common/format.h"
#include "common/measure.h"
#include "common/progress.h"
#include "common/ranks/ranks.h"
#include "common/report_file.h"
#include "dcp-eval/scoring/blocks.h"
#include "dcp-eval/subcommands.h"
#include "dcp-eval/sweep/kept_budget.h"
#include "dcp-eval/sweep/plan.h"
#include "dcp-eval/sweep/report.h"
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
      : options_(options), io_(io), store_(options.resume_file), pool_(Ranks::Ours().ThreadsFor(options.run.threads)) {
    store_.CheckRows([](const Json& row, const std::string& source) {
      SweepRow probe;
      try {
        MeasuredFromJson(row, probe);
      } catch (const Json::exception&) {
        RejectInput(source + ": is not a row of a sweep");
      }
    });
  }

  // Everything that can be wrong is found before the first row.
  void Prepare();
  SweepResult Run();

 private:
  std::shared_ptr<const Model> LoadComparable(const ModelEntry& entry);
  void CheckModels();
  void Compare();
  bool RunJobs(const char* phase, const std::vector<SweepJob>& jobs);
  SessionOptions OptionsOf(const SweepJob& job) const;
  Json KeyOf(const SweepJob& job);
  std::optional<Json> Measure(const SweepJob& job, const BlockedWork::GoOn& go_on);
  void ShareRows(const std::vector<SweepJob>& jobs);
  void Say(const SweepRow& row, size_t number, size_t rows);

  const SweepOptions& options_;
  ToolIo& io_;
  ResultStore store_;
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
  const std::vector<SweepJob> learned = PlanLearned(list_, options_);
  result_.complete = RunJobs("sweep, 1 of 2: dense and learned", learned);
  if (result_.complete) {
    ShareRows(learned);
    const auto jobs =
        PlanBaselines(list_, options_, result_.rows, PredictingPositions(windows_), result_.shape.context);
    result_.complete = RunJobs("sweep, 2 of 2: baselines", jobs);
  }
  if (!result_.rows.empty() && Ranks::Ours().first()) Compare();
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

// Rows of the jobs; where it is ended before all are there, the first ones that are.
bool Sweep::RunJobs(const char* phase, const std::vector<SweepJob>& jobs) {
  const size_t first = result_.rows.size(), rows = first + jobs.size();
  Progress progress(io_.err, {phase, "tokens", tokens_ * static_cast<double>(jobs.size()), io_.err_is_terminal, {}});
  std::vector<std::optional<SweepRow>> measured(jobs.size());
  BlockedWork work;
  work.blocks = jobs.size();
  work.identity = {{"text", text_hash_}, {"model", models_->control()->fingerprint()}};
  for (const SweepJob& job : jobs) work.identity["jobs"].push_back(OptionsOf(job).policy->name());
  work.units = [&](size_t) { return tokens_; };
  work.key = [&](size_t i) { return KeyOf(jobs[i]); };
  work.work = [&](size_t i, const BlockedWork::GoOn& go_on) { return Measure(jobs[i], go_on); };
  work.take = [&](size_t i, const Json& result) {
    SweepRow& row = measured[i].emplace();
    row.job = jobs[i];
    MeasuredFromJson(result, row);
    progress.Hide();
    Say(row, first + i, rows);
  };
  const bool complete = RunBlocks(work, store_, progress, io_);
  for (size_t i = 0; i < jobs.size() && measured[i]; ++i) result_.rows.push_back(std::move(*measured[i]));
  return complete;
}

SessionOptions Sweep::OptionsOf(const SweepJob& job) const {
  SessionOptions session_options = MakeSessionOptions(options_.run, *models_->control());
  session_options.policy = MakePolicy(job.policy, result_.shape.context);
  session_options.record_drops = true;  // kept tokens are counted from them
  return session_options;
}

Json Sweep::KeyOf(const SweepJob& job) {
  const auto model = models_->Get(job.model);
  return {{"model", model->fingerprint()},
          {"weights", ToString(model->weight_type())},
          {"kv", ToString(options_.run.kv)},
          {"prefill_chunk", options_.run.prefill_chunk},
          {"batch", options_.text.batch},
          {"threads", pool_.threads()},
          {"policy", OptionsOf(job).policy->name()},
          {"threshold", ShortestDouble(job.policy.threshold)},
          {"text", text_hash_}};
}

// Nothing: interrupted.
std::optional<Json> Sweep::Measure(const SweepJob& job, const BlockedWork::GoOn& go_on) {
  const SessionOptions session_options = OptionsOf(job);
  const auto model = models_->Get(job.model);
  const double start = SecondsNow();
  ScoredWindows all;
  all.windows.reserve(windows_.size());
  // As dcp-eval perplexity scores them.
  const BlockCut cut{windows_.size(), kBatchesPerBlock * options_.text.batch};
  for (size_t block = 0; block < cut.count(); ++block) {
    const auto some = cut.Of(windows_, block);
    Session session(model, pool_, session_options);
    WindowScorer scorer(session, pool_, options_.text.batch);
    ScoredWindows scored = scorer.Score(
        documents_, some, [&](size_t fed_tokens) { return go_on(static_cast<double>(all.fed_tokens + fed_tokens)); });
    if (std::any_of(scored.windows.begin(), scored.windows.end(), [](const auto& one) { return !one.done; })) {
      return std::nullopt;
    }
    all.fed_tokens += scored.fed_tokens;
    all.peak_reserved_bytes = std::max(all.peak_reserved_bytes, scored.peak_reserved_bytes);
    all.peak_dense_bytes = std::max(all.peak_dense_bytes, scored.peak_dense_bytes);
    std::move(scored.windows.begin(), scored.windows.end(), std::back_inserter(all.windows));
  }
  const double seconds = SecondsNow() - start;
  SweepRow row;
  row.policy = session_options.policy->name();
  row.tokens_per_s = seconds > 0 ? tokens_ / seconds : 0;
  SumUp(windows_, all, result_.units, result_.buckets, row);
  return MeasuredToJson(row);
}

// What rank 0 has measured, for all: baselines are planned by it.
void Sweep::ShareRows(const std::vector<SweepJob>& jobs) {
  Json measured = Json::array();
  for (const SweepRow& row : result_.rows) measured.push_back(MeasuredToJson(row));
  std::string text = Dump(measured);
  Ranks::Ours().Share(text, io_.interrupted);
  if (Ranks::Ours().first()) return;
  for (const Json& one : ParseJson(text, "rows of rank 0")) {
    SweepRow& row = result_.rows.emplace_back();
    row.job = jobs[result_.rows.size() - 1];
    MeasuredFromJson(one, row);
  }
}

void Sweep::Say(const SweepRow& row, size_t number, size_t rows) {
  io_.err << "dcp-eval: row " << number << " (" << rows << " planned): " << row.policy << ", "
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
  if (!Ranks::Ours().first()) return result.complete ? kExitDone : kExitInterrupted;
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
