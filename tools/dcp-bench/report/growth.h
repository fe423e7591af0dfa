// How the time of a step grows with the context, and with the tokens that are kept of it.
#ifndef DCP_TOOLS_DCP_BENCH_REPORT_GROWTH_H_
#define DCP_TOOLS_DCP_BENCH_REPORT_GROWTH_H_

#include <string>
#include <vector>

#include "dcp-bench/result.h"

namespace dcp::tools {

// A straight line through the median steps of rows that differ in one thing only.
struct Growth {
  enum class Against { kContext, kKept };
  Against against = Against::kContext;
  std::string series;  // what the rows have in common, in words
  int rows = 0;
  double first = 0, last = 0;  // tokens of the shortest and the longest
  double us_per_token = 0;     // slope: microseconds of a step for each further token of every sequence
  double ms_at_first = 0;      // of the line
};

// The name of a row's policy, with what else tells it from others of the run.
std::string SeriesName(const BenchRun& run, const BenchRow& row);

// Against context: each policy at each batch, where there are two contexts or more. Against kept tokens: rows with
// drawn numbers of them at each batch and context, where there are two or more.
std::vector<Growth> FitGrowth(const BenchRun& run);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_REPORT_GROWTH_H_
