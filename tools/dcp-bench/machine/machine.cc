#include "dcp-bench/machine/machine.h"

#include <sys/resource.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "dcp/simd.h"

namespace dcp::tools {
namespace {

constexpr double kShortestWatch = 0.05;  // seconds of wall time; the system counts in hundredths

std::string ReadCpuName() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    const size_t begin = line.find_first_not_of(" \t", line.find(':') + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::string HypervisorName() {
#if defined(__x86_64__)
  constexpr unsigned kPresent = 1u << 31, kSignatureLeaf = 0x40000000;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kPresent) == 0) return "";
  __cpuid(kSignatureLeaf, a, b, c, d);
  std::string name;
  for (const unsigned part : {b, c, d}) {
    for (unsigned shift = 0; shift < 32; shift += 8) name += static_cast<char>(part >> shift & 0xFF);
  }
  static const std::map<std::string, std::string> kKnown = {{"KVMKVMKVM", "KVM"},       {"Microsoft Hv", "Hyper-V"},
                                                            {"VMwareVMware", "VMware"}, {"XenVMMXenVMM", "Xen"},
                                                            {"TCGTCGTCGTCG", "QEMU"},   {"bhyve bhyve ", "bhyve"}};
  name.erase(std::find(name.begin(), name.end(), '\0'), name.end());
  const auto known = kKnown.find(name);
  return known == kKnown.end() ? name : known->second;
#else
  return "";
#endif
}

// The word in brackets: "always [madvise] never".
std::string ReadLargePagesSetting() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string line;
  std::getline(file, line);
  const size_t begin = line.find('['), end = line.find(']');
  return begin == std::string::npos || end == std::string::npos ? "" : line.substr(begin + 1, end - begin - 1);
}

std::vector<double> ReadLoadAverage() {
  double loads[3];
  const int count = getloadavg(loads, 3);
  return {loads, loads + std::max(0, count)};
}

std::string CompilerName() {
#if defined(__clang__)
  return std::string("clang ") + __clang_version__;
#elif defined(__GNUC__)
  return std::string("gcc ") + __VERSION__;
#else
  return "";
#endif
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

double OwnSeconds() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
}

}  // namespace

MachineFacts ReadMachineFacts() {
  MachineFacts facts;
  facts.cpu = ReadCpuName();
  facts.cores = static_cast<int>(std::thread::hardware_concurrency());
  facts.simd = SimdTarget();
  facts.virtual_machine = HypervisorName();
  facts.large_pages = ReadLargePagesSetting();
  facts.compiler = CompilerName();
  facts.build = DCP_BUILD_TYPE;
  facts.load_average = ReadLoadAverage();
  return facts;
}

std::optional<AnonymousMemory> ReadAnonymousMemory() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  AnonymousMemory memory;
  int found = 0;
  for (std::string line; std::getline(rollup, line);) {
    const auto read = [&](const char* name, int64_t& bytes) {
      if (line.rfind(name, 0) != 0) return;
      bytes = std::strtoll(line.c_str() + line.find(':') + 1, nullptr, 10) * 1024;
      ++found;
    };
    read("Anonymous:", memory.bytes);
    read("AnonHugePages:", memory.large_page_bytes);
  }
  return found == 2 ? std::optional(memory) : std::nullopt;
}

std::optional<CpuTimes> ReadCpuTimes() {
  std::ifstream stat("/proc/stat");
  std::string name;
  double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
  if (!(stat >> name >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal)) return std::nullopt;
  const double busy = user + nice + system + irq + softirq + steal;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  return CpuTimes{(busy + idle + iowait) / ticks, busy / ticks, OwnSeconds()};
}

std::optional<double> OtherLoad(const std::optional<CpuTimes>& before, const std::optional<CpuTimes>& after) {
  if (!before || !after) return std::nullopt;
  const double total = after->total - before->total;
  const double cores = std::max(1u, std::thread::hardware_concurrency());
  if (total < kShortestWatch * cores) return std::nullopt;
  const double others = (after->busy - before->busy) - (after->own - before->own);
  return std::clamp(others / total, 0.0, 1.0);
}

std::optional<double> WatchOtherLoad(double seconds) {
  const auto before = ReadCpuTimes();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  return OtherLoad(before, ReadCpuTimes());
}

bool ResetPeakRss() {
  std::ofstream refs("/proc/self/clear_refs");
  refs << "5" << std::flush;
  return static_cast<bool>(refs);
}

}  // namespace dcp::tools
