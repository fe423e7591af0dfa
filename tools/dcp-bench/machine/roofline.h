// What the machine gives right now: the ceiling that measured speeds are held against.
#ifndef DCP_TOOLS_DCP_BENCH_MACHINE_ROOFLINE_H_
#define DCP_TOOLS_DCP_BENCH_MACHINE_ROOFLINE_H_

#include "dcp/thread_pool.h"

namespace dcp::tools {

struct Roofline {
  double read_bytes_per_s = 0;  // all threads together reading memory far larger than the caches
  double flops_per_s = 0;       // all threads together, float32 multiply-adds, two operations each
};

// Best of several short passes, about half a second in all; takes 256 MiB meanwhile. Throws std::bad_alloc.
Roofline MeasureRoofline(ThreadPool& pool);

// The higher of each.
Roofline Best(const Roofline& a, const Roofline& b);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_MACHINE_ROOFLINE_H_
