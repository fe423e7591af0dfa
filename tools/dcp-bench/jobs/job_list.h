// A queue of requests by their sizes.
#ifndef DCP_TOOLS_DCP_BENCH_JOBS_JOB_LIST_H_
#define DCP_TOOLS_DCP_BENCH_JOBS_JOB_LIST_H_

#include <string>
#include <string_view>
#include <vector>

namespace dcp::tools {

struct BenchJob {
  int prompt = 0;  // tokens
  int made = 0;    // tokens to be generated
};

// Lines of prompt tokens, a tab, and new tokens; empty ones and those that begin with # are passed over. Throws
// dcp::Error(kInvalidArgument) naming `source` and the line for anything else, for numbers below 1, and where a job has
// more tokens than `positions`.
std::vector<BenchJob> ReadJobList(std::string_view text, const std::string& source, int positions);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_JOBS_JOB_LIST_H_
