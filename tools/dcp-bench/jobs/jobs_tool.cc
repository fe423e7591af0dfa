#include "dcp-bench/jobs/jobs_tool.h"

#include <algorithm>
#include <cmath>
#include <ostream>
#include <vector>

#include "common/format.h"
#include "common/json.h"
#include "common/measure.h"
#include "common/progress.h"
#include "common/report_file.h"
#include "common/schedule_options.h"
#include "dcp-bench/jobs/job_list.h"
#include "dcp-bench/jobs/jobs_options.h"
#include "dcp-bench/measure/drawn_policy.h"
#include "dcp-bench/options.h"
#include "dcp/error.h"
#include "dcp/sampler.h"
#include "dcp/scheduler.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {
namespace {

constexpr ToolText kText = {
    "dcp-bench jobs", "Measures a queue of generation requests that share a budget of KV memory.",
    "Examples:\n"
    "  dcp-bench jobs --shape gpt2 --weights f16 --kv f16 --policy dense --jobs jobs.tsv --kv-budget 256M\n"
    "  dcp-bench jobs --shape gpt2 --weights f16 --kv f16 --sparsity 0.8 --jobs jobs.tsv --kv-budget 256M --json\n"
    "\n"
    "Prompts are random ids, tokens are the likeliest ones, and every request makes as many as its line says. Times "
    "to\n"
    "the first token count from the start, when all requests wait; the queue is run to its end.\n"};

struct JobTimes {
  std::vector<double> first;    // seconds, of each job
  std::vector<double> between;  // seconds, of all tokens but the first ones
};

GenerateRequest RequestOf(const BenchJob& job, size_t index, const JobsOptions& options, int vocab) {
  GenerateRequest request;
  for (int i = 0; i < job.prompt; ++i) {
    const double u = CounterUniform(options.seed, index, static_cast<uint64_t>(i));
    request.prompt.push_back(static_cast<TokenId>(u * vocab));
  }
  request.options.max_new_tokens = job.made;
  request.options.ignore_eos = true;
  return request;
}

std::shared_ptr<const Model> MakeModel(JobsOptions& options, ToolIo& io) {
  if (options.model.empty() == options.shape.empty()) RejectInput("give either --model or --shape");
  if (!options.model.empty()) return LoadModel(options, io);
  if (!options.adapter.empty()) RejectInput("--adapter needs --model");
  return Model::Random(ParseShape(options.shape, options.int_dim), options.seed,
                       options.weights.value_or(WeightType::kF32));
}

SessionOptions MakeJobSession(const JobsOptions& options, const Model& model) {
  SessionOptions session = MakeSessionOptions(options, model);
  if (!options.sparsity) return session;
  const bool learned = options.policy ? options.policy->kind == PolicySpec::Kind::kLearned : model.has_interaction();
  if (!learned) RejectInput("--sparsity draws the decisions of the policy learned, which is not the one that runs");
  session.policy =
      std::make_shared<DrawnPolicy>(DrawnPolicy::WithSparsity(*options.sparsity, model.config().n_positions));
  return session;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

// Runs the queue once.
class JobRun {
 public:
  JobRun(const JobsOptions& options, Session& session, const std::vector<BenchJob>& jobs, ToolIo& io)
      : options_(options), session_(session), jobs_(jobs), io_(io), tokens_(jobs.size()) {}

  void Run() {
    SchedulerOptions scheduling;
    scheduling.kv_budget_bytes = options_.kv_budget;
    scheduling.max_running = options_.max_running;
    scheduling.prompt_tokens_per_step = options_.prompt_tokens;
    scheduling.max_shared_prompts = 0;
    scheduling.aging_seconds = 0;
    Scheduler scheduler(session_, nullptr, scheduling);
    double most = 0, made = 0;
    for (const BenchJob& job : jobs_) most += job.made;
    Progress progress(io_.err, {"jobs", "tokens", most, io_.err_is_terminal, {}});
    times_.first.assign(jobs_.size(), 0);
    std::vector<double> last(jobs_.size(), -1.0);
    const double begin = SecondsNow();
    for (size_t i = 0; i < jobs_.size(); ++i) {
      ScheduleOptions how;
      how.on_token = [&, i](const GeneratedToken&) {
        const double now = SecondsNow() - begin;
        if (last[i] < 0) {
          times_.first[i] = now;
        } else {
          times_.between.push_back(now - last[i]);
        }
        last[i] = now;
        progress.Update(++made);
        return true;
      };
      how.on_done = [&, i](ScheduledResult result) {
        if (!result.sequences[0].error.empty() && failure_.empty()) {
          failure_ = "job " + std::to_string(i) + ": " + result.sequences[0].error;
        }
        tokens_[i] = std::move(result.sequences[0].generated_ids);
      };
      scheduler.Submit(RequestOf(jobs_[i], i, options_, session_.model().config().vocab_size), std::move(how));
    }
    while (scheduler.Step()) {
      if (io_.interrupted) throw Interrupted{};
      most_at_once_ = std::max(most_at_once_, scheduler.Stats().sequences);
    }
    seconds_ = SecondsNow() - begin;
    stats_ = scheduler.Stats();
    if (!failure_.empty()) throw Error(ErrorCode::kInvalidArgument, failure_);
  }

  // How many of some jobs, spread over the queue, have the same tokens when they run alone.
  int Verify(int count) {
    int same = 0;
    for (int k = 0; k < count; ++k) {
      const size_t i = static_cast<size_t>(k) * jobs_.size() / static_cast<size_t>(count);
      const GenerateRequest request = RequestOf(jobs_[i], i, options_, session_.model().config().vocab_size);
      same += Generate(session_, {&request, 1}).sequences[0].generated_ids == tokens_[i] ? 1 : 0;
      if (io_.interrupted) throw Interrupted{};
    }
    return same;
  }

  Json Document(const JobsOptions& options, const Session& session, int threads) const {
    int64_t prompt = 0, made = 0;
    for (const BenchJob& job : jobs_) {
      prompt += job.prompt;
      made += job.made;
    }
    Json entry;
    entry["model"] = options.model.empty() ? options.shape : options.model;
    entry["policy"] = session.policy().name();
    entry["weights"] = ToString(session.model().weight_type());
    entry["kv"] = ToString(session.options().kv_type);
    entry["threads"] = threads;
    entry["requests"] = jobs_.size();
    entry["prompt_tokens"] = prompt;
    entry["generated_tokens"] = made;
    entry["seconds"] = seconds_;
    entry["generated_tokens_per_s"] = static_cast<double>(made) / seconds_;
    entry["concurrent_mean"] = stats_.busy_seconds > 0 ? stats_.sequence_seconds / stats_.busy_seconds : 0.0;
    entry["concurrent_max"] = most_at_once_;
    entry["kv_budget"] = options.kv_budget;
    entry["kv_bytes_reserved_max"] = stats_.kv_reserved_peak_bytes;
    entry["ttft_ms_mean"] = 1e3 * Mean(times_.first);
    entry["ttft_ms_p95"] = 1e3 * Quantile(times_.first, 0.95);
    entry["itl_ms_p50"] = 1e3 * Quantile(times_.between, 0.5);
    entry["itl_ms_p95"] = 1e3 * Quantile(times_.between, 0.95);
    entry["set_aside"] = stats_.times_set_aside;
    if (stats_.seen_slots_done > 0) {
      entry["sparsity"] =
          1.0 - static_cast<double>(stats_.kept_slots_done) / static_cast<double>(stats_.seen_slots_done);
    }
    entry["peak_rss_bytes"] = PeakRssBytes();
    return entry;
  }

 private:
  const JobsOptions& options_;
  Session& session_;
  const std::vector<BenchJob>& jobs_;
  ToolIo& io_;
  std::vector<std::vector<TokenId>> tokens_;  // by job
  JobTimes times_;
  std::string failure_;
  int most_at_once_ = 0;
  double seconds_ = 0;
  SchedulerStats stats_;
};

std::string SummaryOf(const Json& entry) {
  return Format(
      "%s, weights %s, kv %s: %d requests in %.1f s\n"
      "  %.1f generated tokens/s; %.1f sequences at once, at most %d\n"
      "  first token after %.1f s on average, 95 %% within %.1f s; between tokens %.1f ms, 95 %% within %.1f ms\n"
      "  KV cache at most %s; %d times set aside\n",
      entry["policy"].get<std::string>().c_str(), entry["weights"].get<std::string>().c_str(),
      entry["kv"].get<std::string>().c_str(), entry["requests"].get<int>(), entry["seconds"].get<double>(),
      entry["generated_tokens_per_s"].get<double>(), entry["concurrent_mean"].get<double>(),
      entry["concurrent_max"].get<int>(), entry["ttft_ms_mean"].get<double>() / 1e3,
      entry["ttft_ms_p95"].get<double>() / 1e3, entry["itl_ms_p50"].get<double>(), entry["itl_ms_p95"].get<double>(),
      HumanBytes(entry["kv_bytes_reserved_max"].get<double>()).c_str(), entry["set_aside"].get<int>());
}

int RunJobsBench(JobsOptions& options, ToolIo& io) {
  ReportFile json(options.json_file, io);
  const auto model = MakeModel(options, io);
  const auto jobs = ReadJobList(ReadText(options.jobs, io), DisplayName(options.jobs), model->config().n_positions);
  ThreadPool pool(options.threads);
  SessionOptions session_options = MakeJobSession(options, *model);
  SchedulerOptions steps;
  steps.max_running = options.max_running;
  steps.prompt_tokens_per_step = options.prompt_tokens;
  MakeRoomForSteps(steps, session_options);
  Session session(model, pool, session_options);
  JobRun run(options, session, jobs, io);
  run.Run();
  Json entry = run.Document(options, session, pool.threads());
  const int verify = std::min(options.verify, static_cast<int>(jobs.size()));
  bool same = true;
  if (verify > 0) {
    entry["verified"] = verify;
    entry["verified_same"] = run.Verify(verify);
    same = entry["verified_same"] == verify;
  }
  if (json.to_stdout()) {
    io.err << SummaryOf(entry);
  } else {
    WriteOut(io, SummaryOf(entry));
  }
  if (json) json.Commit(Dump(entry));
  if (!same) throw Error(ErrorCode::kInternal, "tokens of the queue are not those of the requests run alone");
  return kExitDone;
}

}  // namespace

int BenchJobsMain(std::span<const std::string> args, ToolIo& io) {
  JobsOptions options;
  return RunWithOptions(
      kText, args, io, [&](CLI::App& app) { AddJobsOptions(app, options); }, [&] { return RunJobsBench(options, io); });
}

}  // namespace dcp::tools
