#include "dcp-bench/measure/bench_run.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "common/measure.h"
#include "common/model_options.h"
#include "common/progress.h"
#include "dcp-bench/measure/engine.h"
#include "dcp-bench/measure/plan.h"
#include "dcp/model.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {
namespace {

double Median(const std::vector<double>& samples) { return Quantile(samples, 0.5); }

Spread SpreadOf(const std::vector<double>& samples) {
  return {Median(samples), Quantile(samples, 0), Quantile(samples, 1)};
}

double Share(double amount, double seconds, double per_second) {
  return seconds > 0 && per_second > 0 ? amount / seconds / per_second : 0;
}

// All repetitions of one cell.
struct CellSamples {
  std::vector<double> tokens_per_s;  // by repetition
  std::vector<double> step_seconds;  // by step, all repetitions
  std::vector<double> other_load;    // by repetition, where known
  int64_t peak_rss_bytes = 0;        // highest, less what other rows hold; 0: not known
  DecodeSample last;
};

// Everything that is measured, kept until all rounds are through.
class Bench {
 public:
  Bench(const BenchOptions& options, ToolIo& io) : options_(options), io_(io), pool_(options.threads) {}

  void LoadModels();
  void FillEngines();
  BenchRun Run();

 private:
  struct Measured {
    std::unique_ptr<Engine> engine;
    std::vector<double> prefill_tokens_per_s;  // by repetition
  };

  void MeasurePrefill(size_t index, int round);
  void MeasureCell(size_t index, int round);
  void RunRounds();
  int64_t HeldForOthers(const Engine& engine) const;
  BenchRow RowOf(size_t index, const Roofline& roofline) const;
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
  std::vector<CellSamples> samples_;       // [cells]
  std::optional<AnonymousMemory> memory_;  // when it was most
  int prefill_tokens_ = 0;
};

void Bench::LoadModels() {
  if (options_.shape) ResolveContexts(options_, *options_.shape);  // before the work of making weights
  Warnings warnings;
  for (const std::optional<WeightType>& weights : ResolveWeights(options_)) {
    CheckInterrupt();
    models_.push_back(
        options_.shape ? Model::Random(*options_.shape, options_.seed, *weights)
                       : Model::Load(options_.source.model, ModelOptions{weights, options_.source.adapter, &warnings}));
    ShowWarnings(warnings, io_);
  }
  const ModelConfig& config = models_[0]->config();
  contexts_ = ResolveContexts(options_, config);
  prefill_tokens_ = std::min(options_.prefill, static_cast<int>(config.n_positions));
}

void Bench::FillEngines() {
  const std::vector<BenchPolicy> policies = ResolvePolicies(options_, models_[0]->config());
  for (const auto& model : models_) {
    for (const KvType kv : options_.kv) {
      for (const BenchPolicy& policy : policies) {
        CheckInterrupt();
        engines_.push_back({std::make_unique<Engine>(model, policy, kv, pool_, options_.seed), {}});
        engines_.back().engine->Fill(contexts_);
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
  measured.prefill_tokens_per_s.push_back(prefill_tokens_ / measured.engine->Prefill(prefill_tokens_, round));
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

  const std::vector<double>& steps = sample.step_seconds;
  samples.tokens_per_s.push_back(cell.batch * options_.steps / std::accumulate(steps.begin(), steps.end(), 0.0));
  samples.step_seconds.insert(samples.step_seconds.end(), steps.begin(), steps.end());
  samples.peak_rss_bytes = std::max(samples.peak_rss_bytes, sample.peak_rss_bytes - others);
  if (sample.memory && (!memory_ || sample.memory->bytes > memory_->bytes)) memory_ = sample.memory;
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

BenchRow Bench::RowOf(size_t index, const Roofline& roofline) const {
  const Cell& cell = cells_[index];
  const CellSamples& samples = samples_[index];
  const Measured& measured = engines_[cell.engine];
  const Engine& engine = *measured.engine;
  const ModelConfig& config = engine.model().config();
  const bool scores = engine.policy().decode->NeedsInteraction();
  BenchRow row;
  row.policy = engine.policy().name;
  row.drawn = engine.policy().drawn;
  row.batch = cell.batch;
  row.context = cell.context;
  row.weights = engine.model().weight_type();
  row.kv = engine.kv();
  row.sparsity = samples.last.sparsity;
  row.kept_tokens = samples.last.load.kept_slots / (cell.batch * static_cast<double>(config.n_layer));
  row.prefill_tokens_per_s = SpreadOf(measured.prefill_tokens_per_s);
  row.prefill_share_of_fma_peak = Share(PrefillProductFlops(config, scores, prefill_tokens_),
                                        prefill_tokens_ / row.prefill_tokens_per_s.median, roofline.flops_per_s);
  row.decode_tokens_per_s = SpreadOf(samples.tokens_per_s);
  row.ms_per_token_p50 = 1e3 * Median(samples.step_seconds);
  row.ms_per_token_p95 = 1e3 * Quantile(samples.step_seconds, 0.95);
  const StepCost cost = DecodeCost(config, row.weights, scores, cell.batch, samples.last.load);
  const double seconds = cell.batch / row.decode_tokens_per_s.median;
  row.step_bytes = cost.bytes;
  row.step_flops = cost.flops;
  row.share_of_read_bandwidth = Share(cost.bytes, seconds, roofline.read_bytes_per_s);
  row.share_of_fma_peak = Share(cost.flops, seconds, roofline.flops_per_s);
  row.kv_bytes_live = samples.last.cache.live_bytes;
  row.kv_bytes_reserved = samples.last.cache.reserved_bytes;
  row.kv_bytes_dense = samples.last.cache.dense_bytes;
  if (samples.peak_rss_bytes > 0) row.peak_rss_bytes = samples.peak_rss_bytes;
  if (!samples.other_load.empty()) row.other_load = Median(samples.other_load);
  return row;
}

BenchRun Bench::Run() {
  BenchRun run;
  run.machine = ReadMachineFacts();
  run.threads = pool_.threads();
  run.model = options_.shape ? options_.shape_text : options_.source.model;
  run.config = models_[0]->config();
  run.steps = options_.steps;
  run.repeats = options_.repeats;
  run.prefill_tokens = prefill_tokens_;
  const Roofline before = MeasureRoofline(pool_);
  RunRounds();
  run.roofline = Best(before, MeasureRoofline(pool_));
  run.memory = memory_;
  for (size_t i = 0; i < cells_.size(); ++i) run.rows.push_back(RowOf(i, run.roofline));
  return run;
}

}  // namespace

BenchRun MeasureCells(const BenchOptions& options, ToolIo& io) {
  ChooseSimd(options.simd);
  Bench bench(options, io);
  bench.LoadModels();
  bench.FillEngines();
  return bench.Run();
}

}  // namespace dcp::tools
