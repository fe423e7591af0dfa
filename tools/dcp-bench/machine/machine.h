// The machine that a measurement was taken on, and what else it was doing.
#ifndef DCP_TOOLS_DCP_BENCH_MACHINE_MACHINE_H_
#define DCP_TOOLS_DCP_BENCH_MACHINE_MACHINE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dcp::tools {

struct MachineFacts {
  std::string cpu;  // as the processor calls itself; empty where the system does not tell
  int cores = 0;
  std::string simd;                  // instruction set of the kernels
  std::string virtual_machine;       // as its hypervisor calls itself, e.g. "KVM"; empty: none, or not told
  std::string large_pages;           // the system's setting: "always", "madvise", "never"; empty: not told
  std::string compiler;              // name and version
  std::string build;                 // CMake's build type
  std::vector<double> load_average;  // over 1, 5 and 15 minutes; empty where the system does not tell
};

MachineFacts ReadMachineFacts();

// Memory of this process that belongs to no file, and what of it the system backs by large pages.
struct AnonymousMemory {
  int64_t bytes = 0;
  int64_t large_page_bytes = 0;
};

// Nothing where the system does not tell.
std::optional<AnonymousMemory> ReadAnonymousMemory();

// Processor time so far.
struct CpuTimes {
  double total = 0;  // seconds, all cores, idle included
  double busy = 0;   // all cores, all processes
  double own = 0;    // of this process
};

// Nothing where the system does not tell.
std::optional<CpuTimes> ReadCpuTimes();

// Share of the machine that other processes used between two readings, 0 .. 1. Nothing when they are too close together
// for the system's clock (under 50 ms).
std::optional<double> OtherLoad(const std::optional<CpuTimes>& before, const std::optional<CpuTimes>& after);

// The same over the next `seconds`, in which this process sleeps.
std::optional<double> WatchOtherLoad(double seconds);

// Load by others that spoils a comparison.
inline constexpr double kVisibleLoad = 0.10;

// Makes PeakRssBytes start anew from what is resident now. False where the system cannot.
bool ResetPeakRss();

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_MACHINE_MACHINE_H_
