// What dcp-bench jobs is asked to measure.
#ifndef DCP_TOOLS_DCP_BENCH_JOBS_JOBS_OPTIONS_H_
#define DCP_TOOLS_DCP_BENCH_JOBS_JOBS_OPTIONS_H_

#include <cstddef>
#include <optional>
#include <string>

#include "common/model_options.h"

namespace CLI {
class App;
}  // namespace CLI

namespace dcp::tools {

struct JobsOptions : ModelToolOptions {
  std::string shape;               // random weights of this shape instead of a model
  int int_dim = 64;                // R of it
  std::optional<double> sparsity;  // decisions are drawn, so that each layer keeps 1 - X of its context
  std::string jobs;                // file
  size_t kv_budget = 0;            // bytes; 0: no limit
  int max_running = 64;
  int prompt_tokens = 256;
  int verify = 0;  // jobs that are run again alone
  std::optional<std::string> json_file;
};

void AddJobsOptions(CLI::App& app, JobsOptions& options);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_JOBS_JOBS_OPTIONS_H_
