#include "dcp-finetune/train.h"

#include <ATen/Parallel.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "common/measure.h"
#include "dcp-finetune/launcher.h"
#include "dcp-finetune/plan.h"
#include "dcp-finetune/threads.h"
#include "dcp-finetune/train_log.h"
#include "dcp-finetune/trainer.h"
#include "dcp/error.h"
#include "support/output_file.h"

namespace dcp::finetune {
namespace {

using tools::Json;

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

constexpr char kLogName[] = "train.jsonl";

// Where the log goes. What a run that is overwritten has left goes first: --resume must not find a state whose log is
// of another run. So does what a killed process was writing.
std::filesystem::path LogOf(const RunPlan& plan) {
  if (plan.first_step == 0) std::filesystem::remove(plan.state);
  std::vector<std::string> names = FilesOf(plan.target);
  names.insert(names.end(), {plan.state.filename().string(), kLogName});
  RemoveAbandonedFiles(plan.target.directory, names);
  return plan.target.directory / kLogName;
}

// When a run saves, evaluates and says what it does.
class Run {
 public:
  Run(const RunPlan& plan, tools::ToolIo& io)
      : plan_(plan),
        options_(plan.options),
        io_(io),
        first_(options_.exchange.rank == 0),
        trainer_(plan),
        log_(first_ ? LogOf(plan) : std::filesystem::path(), plan.first_step),
        progress_(io, plan.first_step, options_.steps) {}

  int Go() {
    Announce();
    double last_save = Now();
    for (int64_t step = plan_.first_step; step < options_.steps; ++step) {
      const double start = Now();
      const StepResult result = trainer_.Step(step, EndAsked(io_));
      Report(step, result, Now() - start);
      const int64_t finished = step + 1;
      if (Due(options_.eval_every, finished)) Evaluate(finished, options_.eval_windows, [] {});
      const bool by_time = options_.save_minutes > 0 && Now() - last_save > 60 * options_.save_minutes;
      if (Due(options_.save_every, finished) || by_time || result.stop) {
        trainer_.Save(finished);
        last_save = Now();
      }
      if (result.stop && finished < options_.steps) return tools::kExitInterrupted;
    }
    // A state of more steps is left as it is.
    if (plan_.first_step <= options_.steps) trainer_.Save(options_.steps);
    const Json evaluation = Evaluate(options_.steps, options_.final_windows, [this] {
      if (EndAsked(io_)) throw tools::Interrupted{};
    });
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
    io_.err << "dcp-finetune: " << trainer_.ParameterCount() << " parameters, " << plan_.TokensPerStep()
            << " tokens a step, steps " << plan_.first_step << " to " << options_.steps << " on " << options_.device
            << ", " << at::get_num_threads() << " threads\n";
    const TrainingTexts& texts = trainer_.texts();
    io_.err << "dcp-finetune: learns from " << texts.Tokens() << " tokens in " << texts.division.train.size()
            << " documents; held out: " << texts.HeldOutTokens() << " tokens in " << texts.division.held_out.size()
            << '\n'
            << std::flush;
  }

  void Report(int64_t step, const StepResult& result, double seconds) {
    if (!first_) return;
    const double speed = static_cast<double>(plan_.TokensPerStep()) / seconds;
    speed_ = speed_ > 0 ? 0.9 * speed_ + 0.1 * speed : speed;
    Json line = {{"step", step + 1}, {"loss", result.loss}, {"lr", result.lr}, {"grad_norm", result.gradient_norm}};
    if (plan_.pruning()) {
      line["r_sparse"] = result.r_sparse;
      line["alpha"] = result.alpha;
    }
    line["tokens"] = (step + 1) * plan_.TokensPerStep();
    line["seconds"] = seconds;
    log_.Write(line);
    progress_.Update({step + 1, result.loss, 1 - result.r_sparse, result.alpha, speed_});
  }

  Json Evaluate(int64_t finished, int64_t windows, const std::function<void()>& between) {
    if (!first_) return Json();
    const Json evaluation = trainer_.Evaluate(windows, between);
    if (evaluation.empty()) return evaluation;
    log_.Write({{"step", finished}, {"evaluation", evaluation}, {"peak_rss_bytes", tools::PeakRssBytes()}});
    progress_.Hide();
    io_.err << "step " << finished << ": held-out perplexity " << evaluation["dense"]["perplexity"] << " dense";
    if (evaluation.contains("pruned")) {
      io_.err << ", " << evaluation["pruned"]["perplexity"] << " pruned at sparsity "
              << evaluation["pruned"]["sparsity"] << " " << evaluation["pruned"]["sparsity_per_layer"];
    }
    if (evaluation.contains("masked")) io_.err << ", " << evaluation["masked"]["perplexity"] << " masked";
    io_.err << '\n' << std::flush;
    return evaluation;
  }

  const RunPlan& plan_;
  const TrainOptions& options_;
  tools::ToolIo& io_;
  bool first_;  // of the processes: the one that speaks and writes
  Trainer trainer_;
  TrainLog log_;
  TrainProgress progress_;
  double speed_ = 0;  // tokens a second, smoothed
};

}  // namespace

void CheckTraining(const TrainOptions& options) { Resolve(options); }

int Train(const TrainOptions& options, tools::ToolIo& io) {
  const RunPlan plan = Resolve(options);
  if (options.exchange.rank == 0) tools::ShowWarnings(plan.warnings, io);
  const bool made = std::filesystem::create_directories(plan.target.directory);
  FlushDenormals();
  if (plan.options.threads > 0) LimitThreads(plan.options.threads);
  try {
    return Run(plan, io).Go();
  } catch (const Error&) {
    std::error_code ignored;  // bad input leaves no folder behind: one that holds something stays
    if (made) std::filesystem::remove(plan.target.directory, ignored);
    throw;
  } catch (const c10::Error& error) {
    // Torch's own messages carry a stack trace after their first line.
    throw Error(ErrorCode::kInternal, std::string("torch: ") + error.what_without_backtrace());
  }
}

}  // namespace dcp::finetune
