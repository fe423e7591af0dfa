#include "dcp-eval/sweep/sweep.h"

#include <chrono>
#include <cstdio>
#include <memory>
#include <ostream>
#include <utility>

#include "common/files.h"
#include "common/progress.h"
#include "dcp-eval/sweep/kept_budget.h"
#include "dcp-eval/sweep/plan.h"
#include "dcp-eval/sweep/report.h"
#include "dcp-eval/sweep/row_store.h"
#include "dcp/error.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {
namespace {

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

std::string NameOf(const ModelEntry& entry) {
  return entry.model + (entry.adapter.empty() ? "" : " with " + entry.adapter);
}

// FNV-1a over what is scored: the same number for the same windows of the same tokens.
uint64_t HashOf(std::span<const Document> documents, std::span<const Window> windows) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](uint64_t value) { hash = (hash ^ value) * 0x100000001b3; };
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
  std::shared_ptr<const Model> Load(const ModelEntry& entry);
  std::shared_ptr<const Model> LoadComparable(const ModelEntry& entry);
  void CheckModels();
  bool RunJobs(const char* phase, const std::vector<SweepJob>& jobs);
  bool RunJob(const SweepJob& job, Progress& progress, double fed_before);
  Json KeyOf(const SweepJob& job, const Session& session) const;
  void Say(const SweepRow& row, size_t rows);

  const SweepOptions& options_;
  ToolIo& io_;
  RowStore store_;
  ThreadPool pool_;
  ModelList list_;
  std::shared_ptr<const Model> control_;
  std::pair<ModelEntry, std::shared_ptr<const Model>> variant_;  // the one in memory
  std::vector<Document> documents_;
  std::vector<Window> windows_;
  double tokens_ = 0;  // of all windows: what a row feeds
  uint64_t text_hash_ = 0;
  SweepResult result_;
};

std::shared_ptr<const Model> Sweep::Load(const ModelEntry& entry) {
  if (control_ && entry.SameModel(list_.control)) return control_;
  if (variant_.second && entry.SameModel(variant_.first)) return variant_.second;
  variant_ = {};  // its memory goes first
  ModelToolOptions options = options_.run;
  options.model = entry.model;
  options.adapter = entry.adapter;
  auto model = LoadModel(options, io_);
  if (control_) variant_ = {entry, model};
  return model;
}

std::shared_ptr<const Model> Sweep::LoadComparable(const ModelEntry& entry) {
  auto model = Load(entry);
  const ModelConfig& config = model->config();
  const int vocabulary = control_->config().vocab_size;
  if (config.vocab_size != vocabulary) {
    Reject(NameOf(entry) + ": vocab_size is " + std::to_string(config.vocab_size) + ", the dense control has " +
           std::to_string(vocabulary));
  }
  if (config.n_positions < result_.shape.context) {
    Reject(NameOf(entry) + ": n_positions is " + std::to_string(config.n_positions) + ", the context is " +
           std::to_string(result_.shape.context));
  }
  CheckSameTokenizer(list_.control, entry, io_);
  return model;
}

void Sweep::CheckModels() {
  std::vector<ModelEntry> learned;
  for (const ModelEntry& variant : list_.variants) {
    if (LoadComparable(variant)->has_interaction()) {
      learned.push_back(variant);
    } else if (!variant.SameModel(list_.control)) {
      Reject(NameOf(variant) + ": has no interaction tensors, which its learned rows need");
    }
  }
  list_.variants = learned;
  for (const TunedBaseline& baseline : list_.baselines) LoadComparable(baseline.model);
}

void Sweep::Prepare() {
  list_ = ReadModelList(options_.models, io_);
  control_ = Load(list_.control);
  result_.shape = ResolveShape(options_.text, *control_);
  CheckModels();
  ModelToolOptions source;
  source.model = list_.control.model;
  documents_ = ReadDocuments(options_.text, source, *control_, io_);
  windows_ = SpreadOut(CutWindows(documents_, result_.shape, io_), static_cast<size_t>(options_.max_windows));
  if (windows_.empty()) Reject("the texts: nothing to score, no document has 2 tokens");
  for (const Window& window : windows_) tokens_ += static_cast<double>(window.length());
  text_hash_ = HashOf(documents_, windows_);
  result_.windows = windows_.size();
  result_.weights = ToString(control_->weight_type());
  result_.kv = ToString(options_.run.kv);
  result_.threads = pool_.threads();
  result_.units = ChooseUnits(windows_);
  result_.bootstrap_samples = static_cast<size_t>(options_.bootstrap);
  result_.seed = options_.run.seed;
  result_.buckets = PositionBuckets(static_cast<size_t>(result_.shape.context));
}

SweepResult Sweep::Run() {
  result_.complete = RunJobs("sweep, 1 of 2: dense and learned", PlanLearned(list_, options_));
  if (result_.complete) {
    const auto jobs =
        PlanBaselines(list_, options_, result_.rows, PredictingPositions(windows_), result_.shape.context);
    result_.complete = RunJobs("sweep, 2 of 2: baselines", jobs);
  }
  if (!result_.rows.empty()) CompareRows(result_);
  return std::move(result_);
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
  SessionOptions session_options = MakeSessionOptions(options_.run, *control_);
  session_options.policy = MakePolicy(job.policy);
  session_options.record_drops = true;  // kept tokens are counted from them
  Session session(Load(job.model), pool_, session_options);
  SweepRow row;
  const Json key = KeyOf(job, session);
  if (!store_.Find(key, row)) {
    const auto start = std::chrono::steady_clock::now();
    WindowScorer scorer(session, pool_, static_cast<size_t>(options_.text.batch));
    const ScoredWindows scored = scorer.Score(documents_, windows_, [&](size_t fed_tokens) {
      progress.Update(fed_before + static_cast<double>(fed_tokens));
      return !io_.interrupted;
    });
    if (static_cast<double>(scored.fed_tokens) < tokens_) return false;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
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
  char numbers[120];
  std::snprintf(numbers, sizeof numbers, "perplexity %.4g, %.4g tokens kept, sparsity %.3f", row.report.perplexity,
                row.kept, row.report.sparsity);
  io_.err << "dcp-eval: row " << result_.rows.size() - 1 << " (" << rows << " planned): " << row.policy << ", "
          << OneLine(NameOf(row.job.model)) << ": " << numbers << '\n'
          << std::flush;
}

std::unique_ptr<OutputFile> OpenIfNamed(const std::optional<std::string>& path) {
  return path && *path != "-" ? std::make_unique<OutputFile>(*path) : nullptr;
}

void CheckOptions(const SweepOptions& options) {
  CheckTextOptions(options.text);
  if (options.max_windows < 0) {
    Reject("--max-windows is " + std::to_string(options.max_windows) + ", at least 0 is needed");
  }
  if (options.bootstrap < 0) Reject("--bootstrap is " + std::to_string(options.bootstrap) + ", at least 0 is needed");
}

}  // namespace

int RunSweep(const SweepOptions& options, ToolIo& io) {
  CheckOptions(options);
  const auto json = OpenIfNamed(options.json_file);
  const auto csv = OpenIfNamed(options.csv_file);
  const auto plot = OpenIfNamed(options.plot_file);
  const auto plot_position = OpenIfNamed(options.plot_position_file);
  Sweep sweep(options, io);
  sweep.Prepare();
  const SweepResult result = sweep.Run();
  if (!result.complete) {
    io.err << "dcp-eval: interrupted after " << result.rows.size() << " rows\n";
    if (result.rows.empty()) return kExitInterrupted;
  }
  const Json document = SweepDocument(result);
  WriteOut(io, options.json_file == "-" ? Dump(document) : SweepTable(result));
  if (json) json->Commit(Dump(document));
  if (csv) csv->Commit(SweepCsv(result));
  if (plot) plot->Commit(RenderSvg(PlotSweep(result)));
  if (plot_position) plot_position->Commit(RenderSvg(PlotPositions(result)));
  return result.complete ? kExitDone : kExitInterrupted;
}

}  // namespace dcp::tools
