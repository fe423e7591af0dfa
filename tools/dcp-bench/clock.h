// Seconds on a clock that never jumps.
#ifndef DCP_TOOLS_DCP_BENCH_CLOCK_H_
#define DCP_TOOLS_DCP_BENCH_CLOCK_H_

#include <chrono>

namespace dcp::tools {

inline double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_CLOCK_H_
