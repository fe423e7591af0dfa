#include "dcp-bench/bench_tool.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <ostream>

#include "common/files.h"
#include "common/measure.h"
#include "common/progress.h"
#include "dcp-bench/machine.h"
#include "dcp-bench/plan.h"
#include "dcp-bench/plots.h"
#include "dcp-bench/results.h"
#include "dcp-bench/roofline.h"
#include "dcp/error.h"
#include "dcp/model.h"
#include "dcp/thread_pool.h"
#include "dcp/version.h"

namespace dcp::tools {
namespace {

constexpr char kName[] = "dcp-bench";
constexpr double kWatchSeconds = 0.5;  // how long the machine is watched before the run
constexpr char kExamples[] =
    "Examples:\n"
    "  dcp-bench --shape gpt2 --batch 1,32 --policy dense,learned --sparsity 0.8\n"
    "  dcp-bench --model models/books --policy dense,learned,sinks:4,60 --weights f32,i8 --json out.json\n"
    "  dcp-bench --shape 12,12,768,8192,50257 --batch 8 --context 8000 --policy dense,learned --sparsity 0.8,0.9 \\\n"
    "            --plot out.svg\n"
    "\n"
    "A repetition begins with every sequence at exactly the context; each step feeds one random token to every "
    "sequence\n"
    "and computes all logits. Cells take turns, one repetition each, and rows are medians. ms/token is the time of a\n"
    "step, in which every sequence gets a token. Shares are of the read bandwidth and the multiply-add rate measured\n"
    "before and after. peak_rss_bytes is the process's peak less the weights and caches held for other rows.\n"
    "With --sparsity or --kept, prefill is timed with all scores computed and nothing dropped: the most it can cost.\n"
    "Exit status: 0 done, 2 bad input or usage, 130 interrupted, 1 anything else.\n";

// Everything that is measured, kept until all rounds are through.
class Bench {
 public:
  Bench(const BenchOptions& options, ToolIo& io) : options_(options), io_(io), pool_(options.threads) {}

  // Throws dcp::Error for what the model cannot do.
  void LoadModels();
  void FillEngines();
  BenchRun Run();

 private:
  struct Measured {
    std::unique_ptr<Engine> engine;
    EngineFacts facts;
  };

  void MeasurePrefill(size_t index, int round);
  void MeasureCell(size_t index, int round);
  void RunRounds();
  int64_t HeldForOthers(const Engine& engine) const;
  void CheckInterrupt() const {
    if (io_.interrupted) throw Interrupted{};
  }

  const BenchOptions& options_;
  ToolIo& io_;
  ThreadPool pool_;
  std::vector<std::shared_ptr<const Model>> models_;
  std::vector<Measured> engines_;
  std::vector<int> contexts_;
  std::vector<Cell> cells_;
  std::vector<CellSamples> samples_;
  int prefill_tokens_ = 0;
};

void Bench::LoadModels() {
  if (options_.shape) contexts_ = ResolveContexts(options_, *options_.shape);  // before the work of making weights
  for (const std::optional<WeightType>& weights : ResolveWeights(options_)) {
    CheckInterrupt();
    models_.push_back(options_.shape ? Model::Random(*options_.shape, options_.seed, *weights)
                                     : Model::Load(options_.model, ModelOptions{weights, options_.adapter}));
  }
  const ModelConfig& config = models_[0]->config();
  contexts_ = ResolveContexts(options_, config);
  prefill_tokens_ = std::min(options_.prefill, config.n_positions);
}

void Bench::FillEngines() {
  const std::vector<BenchPolicy> policies = ResolvePolicies(options_, models_[0]->config());
  for (const auto& model : models_) {
    for (const KvType kv : options_.kv) {
      for (const BenchPolicy& policy : policies) {
        CheckInterrupt();
        Measured measured{std::make_unique<Engine>(model, policy, kv, pool_, options_.seed),
                          {policy.name, policy.drawn, policy.decode->NeedsInteraction(), model->weight_type(), kv, {}}};
        measured.engine->Fill(contexts_);
        engines_.push_back(std::move(measured));
      }
    }
  }
  cells_ = MakeCells(engines_.size(), options_.batches, contexts_);
  samples_.resize(cells_.size());
}

int64_t Bench::HeldForOthers(const Engine& engine) const {
  size_t held = 0;
  for (const auto& model : models_) {
    if (model.get() != &engine.model()) held += model->weight_bytes();
  }
  for (const Measured& other : engines_) {
    if (other.engine.get() != &engine) held += other.engine->cache_bytes();
  }
  return static_cast<int64_t>(held + engine.cache_bytes());  // its bases stand beside the clones that are measured
}

void Bench::MeasurePrefill(size_t index, int round) {
  Measured& measured = engines_[index];
  if (round == 0) measured.engine->Prefill(prefill_tokens_, round);  // its scratch memory is new
  measured.facts.prefill_seconds.push_back(measured.engine->Prefill(prefill_tokens_, round));
}

void Bench::MeasureCell(size_t index, int round) {
  const Cell& cell = cells_[index];
  Engine& engine = *engines_[cell.engine].engine;
  CellSamples& samples = samples_[index];
  const int64_t others = HeldForOthers(engine);
  if (round == 0) engine.Decode(cell.batch, cell.context, 1, round);  // as above
  const auto before = ReadCpuTimes();
  DecodeSample sample = engine.Decode(cell.batch, cell.context, options_.steps, round);
  if (const auto load = OtherLoad(before, ReadCpuTimes())) samples.other_load.push_back(*load);

  double seconds = 0;
  for (const double step : sample.step_seconds) seconds += step;
  samples.tokens_per_s.push_back(cell.batch * options_.steps / seconds);
  samples.step_seconds.insert(samples.step_seconds.end(), sample.step_seconds.begin(), sample.step_seconds.end());
  if (sample.peak_rss_bytes > others) {
    samples.peak_rss_bytes = std::max(samples.peak_rss_bytes, sample.peak_rss_bytes - others);
  }
  samples.last = std::move(sample);
}

void Bench::RunRounds() {
  const size_t items = engines_.size() + cells_.size();
  const double total = static_cast<double>(items) * options_.repeats;
  Progress progress(io_.err, {"measuring", "repetitions", total, io_.err_is_terminal, {}});
  double done = 0;
  Interleave(items, options_.repeats, [&](size_t item, int round) {
    CheckInterrupt();
    if (item < engines_.size()) {
      MeasurePrefill(item, round);
    } else {
      MeasureCell(item - engines_.size(), round);
    }
    progress.Update(++done);
  });
}

BenchRun Bench::Run() {
  BenchRun run;
  run.machine = ReadMachineFacts();
  run.threads = pool_.threads();
  run.model = options_.shape ? options_.shape_text : options_.model;
  run.config = models_[0]->config();
  run.steps = options_.steps;
  run.repeats = options_.repeats;
  run.prefill_tokens = prefill_tokens_;
  run.roofline = MeasureRoofline(pool_);
  RunRounds();
  run.roofline = Best(run.roofline, MeasureRoofline(pool_));
  for (size_t i = 0; i < cells_.size(); ++i) AddRow(cells_[i], engines_[cells_[i].engine].facts, samples_[i], run);
  return run;
}

std::unique_ptr<OutputFile> OpenIfNamed(const std::optional<std::string>& path) {
  return path && *path != "-" ? std::make_unique<OutputFile>(*path) : nullptr;
}

std::string LoadWords(double load) {
  return "other work takes " + std::to_string(std::lround(100 * load)) + " % of the machine";
}

void Warn(const BenchRun& run, ToolIo& io) {
  if (run.loaded()) io.err << "dcp-bench: warning: the machine is busy with other work: compare nothing with this\n";
  if (run.machine.build != "Release" && run.machine.build != "RelWithDebInfo") {
    io.err << "dcp-bench: warning: this is a " << (run.machine.build.empty() ? "plain" : run.machine.build)
           << " build; speeds are those of Release\n";
  }
}

}  // namespace

int RunBench(const BenchOptions& options, ToolIo& io) {
  const auto json = OpenIfNamed(options.json_file);
  const auto csv = OpenIfNamed(options.csv_file);
  const auto plot = OpenIfNamed(options.plot_file);
  Bench bench(options, io);
  const auto load_before = WatchOtherLoad(kWatchSeconds);
  if (options.require_quiet && load_before.value_or(0) > kVisibleLoad) {
    io.err << kName << ": " << LoadWords(*load_before) << ", --require-quiet allows " << std::lround(100 * kVisibleLoad)
           << " %\n";
    return kExitFailure;
  }
  bench.LoadModels();
  bench.FillEngines();
  BenchRun run = bench.Run();
  run.load_before = load_before;

  const bool json_out = options.json_file == "-";
  if (json_out) {
    WriteOut(io, Dump(RunDocument(run)));
    io.err << RunTable(run);
  } else {
    WriteOut(io, RunTable(run));
  }
  if (json) json->Commit(Dump(RunDocument(run)));
  if (csv) csv->Commit(RunCsv(run));
  if (plot) plot->Commit(RenderSvg(PlotRun(run)));
  Warn(run, io);
  return kExitDone;
}

int BenchMain(std::span<const std::string> args, ToolIo& io) {
  return RunGuarded(kName, io, [&] {
    BenchArguments arguments;
    CLI::App app("Measures prefill and decode of a GPT-2 model: speed, bytes, and the share of what the machine gives.",
                 kName);
    app.set_version_flag("--version", std::string(kName) + ' ' + std::string(Version()), "Print the version");
    app.footer(kExamples);
    AddBenchOptions(app, arguments);
    if (const auto status = ParseArguments(app, args, io)) return *status;
    return RunBench(MakeBenchOptions(arguments), io);
  });
}

}  // namespace dcp::tools
