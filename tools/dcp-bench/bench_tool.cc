#include "dcp-bench/bench_tool.h"

#include <cmath>
#include <ostream>

#include "common/report_file.h"
#include "common/svg_plot.h"
#include "dcp-bench/jobs/jobs_tool.h"
#include "dcp-bench/measure/bench_run.h"
#include "dcp-bench/report/plots.h"
#include "dcp-bench/report/report.h"

namespace dcp::tools {
namespace {

constexpr double kWatchSeconds = 0.5;  // how long the machine is watched before the run
constexpr ToolText kText = {
    "dcp-bench", "Measures prefill and decode of a GPT-2 model: speed, bytes, and the share of what the machine gives.",
    "Examples:\n"
    "  dcp-bench --shape gpt2 --batch 1,32 --policy dense,learned --sparsity 0.8\n"
    "  dcp-bench --model models/books --policy dense,learned,sinks:4,60 --weights f32,i8 --json out.json\n"
    "  dcp-bench --shape 12,12,768,8192,50257 --batch 8 --context 8000 --policy dense,learned --sparsity 0.8,0.9 \\\n"
    "            --plot out.svg\n"
    "  dcp-bench jobs --help        a queue of requests under a budget of KV memory\n"
    "\n"
    "A repetition begins with every sequence at exactly the context; each step feeds one random token to every "
    "sequence\n"
    "and computes all logits. Cells take turns, one repetition each, and rows are medians. ms/token is the time of a\n"
    "step, in which every sequence gets a token. Shares are of the read bandwidth and the multiply-add rate measured\n"
    "before and after. peak_rss_bytes is the process's peak less the weights and caches held for other rows.\n"
    "With --sparsity or --kept, prefill is timed with all scores computed and nothing dropped: the most it can "
    "cost.\n"};

void Warn(const BenchRun& run, ToolIo& io) {
  if (run.loaded()) io.err << "dcp-bench: warning: the machine is busy with other work: compare nothing with this\n";
  if (run.machine.build != "Release" && run.machine.build != "RelWithDebInfo") {
    io.err << "dcp-bench: warning: this is a " << (run.machine.build.empty() ? "plain" : run.machine.build)
           << " build; speeds are those of Release\n";
  }
}

}  // namespace

int RunBench(const BenchOptions& options, ToolIo& io) {
  ReportFile json(options.json_file, io), csv(options.csv_file, io), plot(options.plot_file, io);
  const auto load_before = WatchOtherLoad(kWatchSeconds);
  if (options.require_quiet && load_before.value_or(0) > kVisibleLoad) {
    io.err << "dcp-bench: other work takes " << std::lround(100 * *load_before)
           << " % of the machine, --require-quiet allows " << std::lround(100 * kVisibleLoad) << " %\n";
    return kExitFailure;
  }
  BenchRun run = MeasureCells(options, io);
  run.load_before = load_before;

  if (json.to_stdout()) {
    io.err << RunTable(run);
  } else {
    WriteOut(io, RunTable(run));
  }
  if (json) json.Commit(Dump(RunDocument(run)));
  if (csv) csv.Commit(RunCsv(run));
  if (plot) plot.Commit(RenderSvg(PlotRun(run)));
  Warn(run, io);
  return kExitDone;
}

int BenchMain(std::span<const std::string> args, ToolIo& io) {
  if (!args.empty() && args[0] == "jobs") return BenchJobsMain(args.subspan(1), io);
  BenchOptions options;
  return RunWithOptions(
      kText, args, io, [&](CLI::App& app) { AddBenchOptions(app, options); },
      [&] {
        ResolveBenchOptions(options);
        return RunBench(options, io);
      });
}

}  // namespace dcp::tools
