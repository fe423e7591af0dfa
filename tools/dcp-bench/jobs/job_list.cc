#include "dcp-bench/jobs/job_list.h"

#include "common/option_group.h"
#include "common/tool.h"

namespace dcp::tools {
namespace {

BenchJob ReadJob(std::string_view line, int positions) {
  const size_t tab = line.find('\t');
  if (tab == std::string_view::npos) RejectInput("has no tab, expected prompt tokens, a tab, new tokens");
  BenchJob job{AtLeast(1)(std::string(line.substr(0, tab))), AtLeast(1)(std::string(line.substr(tab + 1)))};
  if (job.prompt > positions || job.made > positions - job.prompt) {
    RejectInput(std::to_string(job.prompt) + " + " + std::to_string(job.made) + " tokens exceed the model's " +
                std::to_string(positions) + " positions");
  }
  return job;
}

}  // namespace

std::vector<BenchJob> ReadJobList(std::string_view text, const std::string& source, int positions) {
  std::vector<BenchJob> jobs;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    try {
      jobs.push_back(ReadJob(line, positions));
    } catch (const Error& error) {
      RejectInput(source + ":" + std::to_string(number) + ": " + error.what());
    }
  }
  if (jobs.empty()) RejectInput(source + ": holds no jobs");
  return jobs;
}

}  // namespace dcp::tools
