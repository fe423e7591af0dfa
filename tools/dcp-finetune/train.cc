#include "dcp-finetune/train.h"

#include <ATen/Parallel.h>

#include <chrono>
#include <cmath>
#include <filesystem>

#include "common/measure.h"
#include "dcp-finetune/train_log.h"
#include "dcp-finetune/trainer.h"
#include "dcp/error.h"

namespace dcp::finetune {
namespace {

using tools::Json;

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void Check(const TrainOptions& options) {
  const auto fail = [](const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); };
  if (options.base.empty() == options.init_config.empty()) fail("give one of --base and --init");
  if (options.data.empty()) fail("--data is missing");
  if (options.out.empty()) fail("--out is missing");
  if (options.steps < 1 || options.batch < 1 || options.accumulate < 1) {
    fail("--steps, --batch and --accumulate must be 1 or more");
  }
  if (options.adapter_only && !options.freeze_base)
    fail("--adapter-only needs --freeze-base: an adapter leaves the base as it is");
  if (options.gamma && !(*options.gamma >= 0 && std::isfinite(*options.gamma))) fail("--gamma must be 0 or more");
  if (!options.teacher.empty() && !options.distill) fail("--teacher needs --distill");
  if (!(options.distill_share >= 0 && options.distill_share <= 1)) {
    fail("--distill-share " + std::to_string(options.distill_share) + ": expected 0 to 1");
  }
  if (options.eviction_delay && !options.gamma) fail("--eviction-delay needs --gamma: nothing is dropped without");
  if (ParseWeightType(options.dtype) == WeightType::kI8) fail("--dtype i8: expected f32, bf16 or f16");
  std::error_code ignored;
  if (!options.base.empty() && std::filesystem::equivalent(options.base, options.out, ignored)) {
    fail("--out is the directory of --base, which would be overwritten");
  }
}

// When a run saves, evaluates and says what it does.
class Run {
 public:
  Run(const TrainOptions& options, tools::ToolIo& io) : options_(options), io_(io), trainer_(options) {
    first_step_ = options.resume ? trainer_.Restore() : 0;
    first_ = trainer_.exchange().rank() == 0;
    if (first_) log_.emplace(std::filesystem::path(options.out) / "train.jsonl", first_step_);
  }

  int Go() {
    Announce();
    TrainProgress progress(io_, first_step_, options_.steps);
    double last_save = Now();
    for (int64_t step = first_step_; step < options_.steps; ++step) {
      const double start = Now();
      const StepResult result = trainer_.Step(step, io_.interrupted);
      Report(step, result, Now() - start, progress);
      const int64_t finished = step + 1;
      if (Due(options_.eval_every, finished)) Evaluate(finished, options_.eval_windows, progress);
      const bool by_time = options_.save_minutes > 0 && Now() - last_save > 60 * options_.save_minutes;
      if (Due(options_.save_every, finished) || by_time || result.stop) {
        trainer_.Save(finished);
        last_save = Now();
      }
      if (result.stop && finished < options_.steps) return tools::kExitInterrupted;
    }
    trainer_.Save(options_.steps);
    const Json evaluation = Evaluate(options_.steps, options_.final_windows, progress);
    if (first_ && options_.json) tools::WriteOut(io_, tools::Dump(evaluation));
    return tools::kExitDone;
  }

 private:
  // Every `every` steps, but not at the end, which has its own.
  bool Due(int64_t every, int64_t finished) const {
    return every > 0 && finished % every == 0 && finished < options_.steps;
  }

  void Announce() {
    if (!first_) return;
    io_.err << "dcp-finetune: " << trainer_.parameters().Count() << " parameters, " << trainer_.TokensPerStep()
            << " tokens a step, steps " << first_step_ << " to " << options_.steps << " on " << options_.device << ", "
            << at::get_num_threads() << " threads\n"
            << std::flush;
  }

  void Report(int64_t step, const StepResult& result, double seconds, TrainProgress& progress) {
    if (!first_) return;
    const double speed = static_cast<double>(trainer_.TokensPerStep()) / seconds;
    speed_ = speed_ > 0 ? 0.9 * speed_ + 0.1 * speed : speed;
    Json line = {{"step", step + 1}, {"loss", result.loss}, {"lr", result.lr}, {"grad_norm", result.gradient_norm}};
    if (trainer_.pruning()) {
      line["r_sparse"] = result.r_sparse;
      line["alpha"] = result.alpha;
    }
    line["tokens"] = (step + 1) * trainer_.TokensPerStep();
    line["seconds"] = seconds;
    log_->Write(line);
    progress.Update({step + 1, result.loss, 1 - result.r_sparse, result.alpha, speed_});
  }

  Json Evaluate(int64_t finished, int64_t windows, TrainProgress& progress) {
    if (!first_) return Json();
    const Json evaluation = trainer_.Evaluate(windows);
    if (evaluation.empty()) return evaluation;
    log_->Write({{"step", finished}, {"evaluation", evaluation}, {"peak_rss_bytes", tools::PeakRssBytes()}});
    progress.Hide();
    io_.err << "step " << finished << ": held-out perplexity " << evaluation["dense"]["perplexity"] << " dense";
    if (evaluation.contains("pruned")) {
      io_.err << ", " << evaluation["pruned"]["perplexity"] << " pruned at sparsity "
              << evaluation["pruned"]["sparsity"] << " " << evaluation["pruned"]["sparsity_per_layer"];
    }
    if (evaluation.contains("masked")) io_.err << ", " << evaluation["masked"]["perplexity"] << " masked";
    io_.err << '\n' << std::flush;
    return evaluation;
  }

  const TrainOptions& options_;
  tools::ToolIo& io_;
  Trainer trainer_;
  std::optional<TrainLog> log_;
  int64_t first_step_ = 0;
  bool first_ = true;
  double speed_ = 0;  // tokens a second, smoothed
};

}  // namespace

int Train(const TrainOptions& options, tools::ToolIo& io) {
  Check(options);
  std::filesystem::create_directories(options.out);
  if (options.threads > 0) at::set_num_threads(options.threads);
  try {
    return Run(options, io).Go();
  } catch (const c10::Error& error) {
    // Torch's own messages carry a stack trace after their first line.
    throw Error(ErrorCode::kInternal, std::string("torch: ") + error.what_without_backtrace());
  }
}

}  // namespace dcp::finetune
