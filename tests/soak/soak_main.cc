// dcp_soak: long runs that look for what short tests cannot see. tools/soak.sh runs them.
#include <malloc.h>

#include <string>
#include <vector>

#include "common/files.h"
#include "common/option_group.h"
#include "common/svg_plot.h"
#include "common/tool.h"
#include "tests/soak/memory_watch.h"
#include "tests/soak/scheduler_soak.h"
#ifdef DCP_HAS_SERVE
#include "tests/soak/serve_soak.h"
#endif

namespace dcp::soak {
namespace {

using tools::AtLeast;
using tools::OptionGroup;
using tools::ToolIo;

void AddScheduler(CLI::App& app, SchedulerSoakOptions& options) {
  const OptionGroup add(app, "Soak");
  add("--seconds", options.seconds, "Begin no new round after so many seconds; default: 60", "S", AtLeast(0.0));
  add("--seed", options.seed, "What everything is drawn from; default: 1", "N", AtLeast(uint64_t{0}));
  add("--requests", options.requests, "Requests of a round; default: 600", "N", AtLeast(3));
  add("--model", options.model, "Model directory; default: a random model of two layers, another in each round", "DIR");
  add("--csv", options.csv, "Where to write resident memory over time; default: nowhere", "FILE");
}

#ifdef DCP_HAS_SERVE
void AddServe(CLI::App& app, ServeSoakOptions& options) {
  const OptionGroup add(app, "Soak");
  add("--program", options.program, "The dcp-serve to ask", "FILE").Required();
  add("--model", options.model, "Its model directory", "DIR").Required();
  add("--seconds", options.seconds, "Ask for so many seconds; default: 60", "S", AtLeast(0.0));
  add("--seed", options.seed, "What everything is drawn from; default: 1", "N", AtLeast(uint64_t{0}));
  add("--clients", options.clients, "Clients at once; default: 24", "N", AtLeast(1));
  add("--csv", options.csv, "Where to write resident memory over time; default: nowhere", "FILE");
}
#endif

struct PlotOptions {
  std::vector<std::string> csv;
  std::string out;
};

void AddPlot(CLI::App& app, PlotOptions& options) {
  const OptionGroup add(app, "Plot");
  add.Each("--csv", options.csv, "What a soak has written, as TITLE=FILE; a panel each", "TITLE=FILE");
  add("--out", options.out, "The picture", "FILE.svg").Required();
}

int RunPlot(const PlotOptions& options, ToolIo&) {
  tools::Plot plot{"Resident memory under random load", "", {}};
  for (const std::string& entry : options.csv) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos) tools::RejectInput("--csv " + entry + ": expected TITLE=FILE");
    tools::PlotPanel panel{entry.substr(0, equals), "minutes", "MiB", true, false, {}};
    tools::PlotSeries series{"resident", {}};
    const std::vector<MemorySample> samples = ReadSamples(entry.substr(equals + 1));
    const size_t stride = samples.size() / 60 + 1;  // points have markers
    for (size_t i = 0; i < samples.size(); i += stride) {
      series.points.push_back({samples[i].seconds / 60, static_cast<double>(samples[i].bytes) / (1 << 20), 0, 0});
    }
    panel.series.push_back(std::move(series));
    plot.panels.push_back(std::move(panel));
  }
  OutputFile(options.out).Commit(tools::RenderSvg(plot));
  return tools::kExitDone;
}

int SoakMain(std::span<const std::string> args, ToolIo& io) {
  const std::vector<tools::Subcommand> subcommands = {
      tools::MakeSubcommand({"scheduler", "A scheduler, from several threads", ""}, AddScheduler, RunSchedulerSoak),
#ifdef DCP_HAS_SERVE
      tools::MakeSubcommand({"serve", "A dcp-serve on loopback", ""}, AddServe, RunServeSoak),
#endif
      tools::MakeSubcommand({"plot", "A picture of resident memory over time", ""}, AddPlot, RunPlot)};
  return tools::RunWithSubcommands({"dcp_soak", "Random load for a long time, and whether all was as it should be", ""},
                                   args, io, subcommands);
}

}  // namespace
}  // namespace dcp::soak

int main(int argc, char** argv) {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 1);  // so that what malloc has given out can be counted
#endif
  return dcp::tools::ToolMain(argc, argv, dcp::soak::SoakMain);
}
